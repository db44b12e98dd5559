"""A private PostgreSQL: started, stopped and kept in one folder."""

import shutil
import signal
import subprocess
from pathlib import Path

from backend.core.errors import Conflict, Unavailable
from backend.local.access import Access, free_port, is_free
from backend.local.account import Account
from backend.local.binaries import POSTGRES_MAJOR, postgres_programs
from backend.local.files import make_folder
from backend.local.process import Steps, end_holders, spawn
from backend.local.server import SERVER_ENVIRONMENT, ServerProcess

# Fast shutdown, then immediate (the next start recovers); then it is killed.
_STEPS: Steps = ((signal.SIGINT, 3), (signal.SIGQUIT, 1))
_LEFT_STEPS: Steps = ((signal.SIGKILL, 1),)
_OLD_STEPS: Steps = ((signal.SIGINT, 10), (signal.SIGQUIT, 3), (signal.SIGKILL, 3))

# Recovery after a crash reads what was written since the last checkpoint, minutes' worth at most.
_START_SECONDS = 120.0

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # No socket: its path may not exceed 107 bytes, and the data folder's may.
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

# Run at every start: it completes what an interrupted first start has left undone.
_PROVISION = r"""
SET log_min_error_statement = panic;
SELECT 'CREATE ROLE hsi LOGIN CREATEDB PASSWORD ''{password}'''
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hsi') \gexec
SELECT 'CREATE DATABASE hsi OWNER hsi'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'hsi') \gexec
"""


class EmbeddedPostgres:
    """PostgreSQL in `folder`, listening on 127.0.0.1, for those who know the password.

    The caller sees to it that no other machine or process uses the folder (`DataFolder` holds a
    lock); servers that an earlier run has left in it are ended. The product logs in as `hsi`, who
    owns the database `hsi` and may create others, but is no superuser. With `durable=False` a power
    cut may destroy the data, and everything is faster: for tests.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self._folder = folder
        self._durable = durable
        self._data = folder / "data"
        self._access_file = folder / "access.json"
        self._server = ServerProcess("PostgreSQL", folder, steps=_STEPS)
        self._access: Access | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The server's process."""
        return self._server.running

    @property
    def url(self) -> str:
        """How to reach the database `hsi`, for SQLAlchemy; it holds the password."""
        return self.url_for(self._known_access())

    @staticmethod
    def url_for(access: Access) -> str:
        """The URL of a server that is reached so."""
        return f"postgresql+asyncpg://hsi:{access.password}@127.0.0.1:{access.port}/hsi"

    @property
    def admin_url(self) -> str:
        """The same as superuser."""
        access = self._known_access()
        return f"postgresql+asyncpg://postgres:{access.admin_password}@127.0.0.1:{access.port}/hsi"

    def start(self) -> str:
        """Start it, making the database where there is none; the URL for SQLAlchemy.

        Started again by the same object it keeps its port. Raises Conflict for the data of another
        version, Unavailable, with the server's last words, where it does not start.
        """
        self._check_version()
        account = Account.for_server(self._data)
        make_folder(self._folder)
        programs = postgres_programs(account, self._folder)
        again = self._access is not None
        self._access = access = self._read_access()
        if not self._data.exists():
            self._create(programs, account, access)
        self._free_data()
        if not again and not is_free("127.0.0.1", access.port):
            access.port = free_port()
            access.keep(self._access_file)
        self._server.start(
            [programs / "postgres", "-D", self._data, *self._options(access)],
            account=account,
            when_parent_dies=signal.SIGINT,
        )
        self._server.wait(lambda: self._provisioned(programs, access), seconds=_START_SECONDS)
        return self.url

    def stop(self) -> None:
        """End it within 5 s; nothing if it does not run."""
        if self._server.stop():
            # Its own processes lead groups of their own, and one that hangs outlives it.
            end_holders(self._data, ["postgres"], _LEFT_STEPS)

    def _known_access(self) -> Access:
        if self._access is None:
            raise RuntimeError("PostgreSQL was not started")
        return self._access

    def _read_access(self) -> Access:
        if self._data.exists() and not self._access_file.exists():
            raise Unavailable(
                f"the password of the database is lost: {self._access_file} is missing; "
                "restore it from a backup, or move the folder away to begin anew",
                code="database.access_lost",
            )
        return Access.kept_in(self._access_file)

    def _check_version(self) -> None:
        try:
            version = (self._data / "PG_VERSION").read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return
        except OSError as error:
            raise Unavailable(
                f"cannot read {self._data}: {error.strerror}; run as its owner, or choose another "
                "folder with --data",
                code="data_folder.unwritable",
            ) from error
        if version != POSTGRES_MAJOR:
            raise Conflict(
                f"{self._data} was made by PostgreSQL {version}, this is {POSTGRES_MAJOR}: bring "
                "it over with pg_upgrade or pg_dump, or choose another folder with --data",
                code="database.other_version",
            )

    def _create(self, programs: Path, account: Account, access: Access) -> None:
        unfinished = self._folder / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        account.own(unfinished)
        password_file = self._folder / "password.new"
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        try:
            password_file.write_text(access.admin_password, encoding="utf-8")
            account.own(password_file)
            self._initdb(programs, account, unfinished, password_file)
        finally:
            password_file.unlink()
        unfinished.replace(self._data)

    def _initdb(self, programs: Path, account: Account, data: Path, password: Path) -> None:
        process = spawn(
            [
                programs / "initdb",
                f"--pgdata={data}",
                "--username=postgres",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--no-instructions",
                *([] if self._durable else ["--no-sync"]),
            ],
            when_parent_dies=signal.SIGKILL,
            account=account,
            output=subprocess.PIPE,
            env=SERVER_ENVIRONMENT,
        )
        with process:
            output = process.communicate()[0].decode(errors="replace").split("\n")
        if process.returncode != 0:
            said = [line for line in output if "error:" in line] or output[-2:]
            raise Unavailable(
                f"the database could not be made in {self._folder}: {said[0].strip()}",
                code="local.server_failed",
            )

    def _free_data(self) -> None:
        """End servers that an earlier run has left, and drop their claim to the folder."""
        if not end_holders(self._data, ["postgres"], _OLD_STEPS):
            raise Unavailable(
                f"another PostgreSQL works in {self._data} and does not end",
                code="data_folder.in_use",
            )
        # Nobody works here now, so the number in it is nobody's, or, after a power cut, that of a
        # stranger, whom PostgreSQL would take for itself.
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _options(self, access: Access) -> list[str]:
        settings = _SETTINGS | ({} if self._durable else _NOT_DURABLE)
        chosen = settings | {"port": str(access.port)}
        return [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]

    def _provisioned(self, programs: Path, access: Access) -> bool:
        """Whether the server takes connections and has our role and database."""
        done = subprocess.run(  # noqa: S603 - our own program
            [
                programs / "psql",
                *("--no-psqlrc", "--quiet", "--tuples-only", "--no-password"),
                *("--set=ON_ERROR_STOP=1", "--host=127.0.0.1", f"--port={access.port}"),
                *("--username=postgres", "--dbname=postgres", "--file=-"),
            ],
            input=_PROVISION.format(password=access.password),
            env=SERVER_ENVIRONMENT | {"PGPASSWORD": access.admin_password},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode == 0:
            return True
        if "password authentication failed" in done.stderr:
            raise Unavailable(
                f"the database does not take the password kept in {self._access_file}: restore "
                "that file from a backup",
                code="database.access_lost",
            )
        if done.returncode != 2:  # 2: no connection yet
            raise Unavailable(
                f"the database could not be made: {done.stderr.strip()}", code="local.server_failed"
            )
        return False
