#!/bin/sh
# Writes .env with new passwords for PostgreSQL and Redis, readable by its owner only.
# It never changes a .env that is there.
#
#   ./setup.sh             the product goes on using the servers that `./hsi up` runs itself
#   ./setup.sh --compose   the product uses the servers of docker-compose.prod.yml
set -eu

case "${1-}" in
'') url='# ' ;;
--compose) url='' ;;
-h | --help)
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p;}' "$0"
    exit 0
    ;;
*)
    echo "setup.sh: $1: unknown; the only option is --compose" >&2
    exit 2
    ;;
esac

cd "$(dirname "$0")"
if [ -e .env ] || [ -L .env ]; then
    echo "setup.sh: .env is there already, and stays as it is" >&2
    exit 1
fi

# 24 random bytes, as 48 letters and digits that need no quoting anywhere.
password() {
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

umask 077
postgres_password=$(password)
redis_password=$(password)
new=".env.new.$$"
trap 'rm -f "$new"' EXIT
cat >"$new" <<EOF
# Written by ./setup.sh; see .env.example for every setting.
POSTGRES_USER=security
POSTGRES_DB=security
POSTGRES_PASSWORD=$postgres_password
REDIS_PASSWORD=$redis_password

# The servers of docker-compose.prod.yml. Commented out, \`./hsi up\` runs servers of its own.
${url}DATABASE_URL=postgresql+asyncpg://security:$postgres_password@127.0.0.1:5432/security
${url}REDIS_URL=redis://:$redis_password@127.0.0.1:6379/0
EOF
ln "$new" .env # unlike mv, it fails where somebody else has made one meanwhile
echo ".env written"
