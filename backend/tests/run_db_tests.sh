#!/bin/sh
# Runs the tests that work on a database, and no others; what is given goes to pytest:
#
#   backend/tests/run_db_tests.sh -k migrations -x
#
# A database need not be there: see AGENTS.md beside this file.
set -eu

root=$(dirname -- "$(readlink -f -- "$0")")/../..
exec "$root/hsi" test integration -- -p backend.tests.fixtures.database_tests "$@"
