"""A private Valkey (what Redis was): started, stopped and kept in one folder."""

import signal
import subprocess
from pathlib import Path

from redis import Redis
from redis.exceptions import AuthenticationError, BusyLoadingError, RedisError

from backend.core.errors import Unavailable
from backend.local.access import Access, free_port, is_free
from backend.local.account import Account
from backend.local.binaries import valkey_program
from backend.local.files import make_folder
from backend.local.process import Steps, end_holders
from backend.local.server import ServerProcess

_STEPS: Steps = ((signal.SIGTERM, 3),)
_OLD_STEPS: Steps = (*_STEPS, (signal.SIGKILL, 1))
_START_SECONDS = 60.0
_PROGRAMS = ("valkey-server", "redis-server")


class EmbeddedValkey:
    """Valkey in `folder`, listening on 127.0.0.1, for those who know the password.

    As with `EmbeddedPostgres`, the caller sees to it that nobody else uses the folder. It is a
    doorbell: where the file that it keeps is damaged, it is put aside and the server begins empty.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self._folder = folder
        self._durable = durable
        self._data = folder / "data"
        self._access_file = folder / "access.json"
        self._server = ServerProcess("Valkey", folder, steps=_STEPS)
        self._access: Access | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The server's process."""
        return self._server.running

    @property
    def url(self) -> str:
        """How to reach it; it holds the password."""
        if self._access is None:
            raise RuntimeError("Valkey was not started")
        return self.url_for(self._access)

    @staticmethod
    def url_for(access: Access) -> str:
        """The URL of a server that is reached so."""
        return f"redis://:{access.password}@127.0.0.1:{access.port}/0"

    def start(self) -> str:
        """Start it; the URL. Started again by the same object it keeps its port.

        Raises Unavailable, with the server's last words, where it does not start.
        """
        account = Account.for_server(self._data)
        make_folder(self._folder)
        program = valkey_program(account, self._folder)
        again = self._access is not None
        self._access = access = Access.kept_in(self._access_file)
        self._data.mkdir(mode=0o700, exist_ok=True)
        account.own(self._data)
        if not end_holders(self._data, _PROGRAMS, _OLD_STEPS):
            raise Unavailable(
                f"another Valkey works in {self._data} and does not end", code="data_folder.in_use"
            )
        if not again and not is_free("127.0.0.1", access.port):
            access.port = free_port()
            access.keep(self._access_file)
        try:
            self._run(program, account)
        except Unavailable:
            if not self._put_damage_aside():
                raise
            self._run(program, account)
        return self.url

    def stop(self) -> None:
        """End it within 4 s; nothing if it does not run."""
        self._server.stop()

    def _run(self, program: Path, account: Account) -> None:
        self._server.start(
            [program, "-"],
            account=account,
            stdin=self._configuration().encode(),
            when_parent_dies=signal.SIGTERM,
        )
        self._server.wait(self._answers, seconds=_START_SECONDS)

    def _configuration(self) -> str:
        """Given through standard input: arguments are there for all to read."""
        access = self._access
        assert access is not None  # noqa: S101 - start() has read it
        lines = {
            "bind": "127.0.0.1",
            "port": access.port,
            "requirepass": access.password,
            "dir": f'"{self._data}"',
            "appendonly": "yes" if self._durable else "no",
            "save": '""',
            "maxmemory-policy": "noeviction",
        }
        return "".join(f"{name} {value}\n" for name, value in lines.items())

    def _answers(self) -> bool:
        with Redis.from_url(self.url, socket_timeout=5, socket_connect_timeout=5) as client:
            try:
                return bool(client.ping())
            except AuthenticationError as error:  # somebody else's, who took the port meanwhile
                raise Unavailable(
                    f"Valkey does not take its password: {error}", code="local.server_failed"
                ) from error
            except (BusyLoadingError, RedisError):
                return False

    def _put_damage_aside(self) -> bool:
        kept = self._data / "appendonlydir"
        if not kept.exists() or not self._server.said("append only file", "AOF"):
            return False
        number = sum(1 for _ in self._data.glob("damaged-*"))
        kept.replace(self._data / f"damaged-{number + 1}")
        return True
