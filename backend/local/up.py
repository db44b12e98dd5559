"""`hsi up`: everything on one box, in the foreground, ended with it."""

import asyncio
import http.client
import ipaddress
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import rmtree
from types import FrameType
from urllib.parse import urlsplit

from backend.core.errors import Conflict, Invalid, Unavailable
from backend.core.paths import is_file
from backend.core.redis import refuse_forgetting
from backend.local.access import is_free
from backend.local.account import Account
from backend.local.data_folder import DataFolder
from backend.local.postgres import EmbeddedPostgres
from backend.local.process import Steps, at_once, spawn, stop
from backend.local.valkey import EmbeddedValkey
from backend.local.watched import Watched, ending, wait_for_change

# 5 s with the second in which the rest is killed; then the servers, side by side, have another 5 s.
_CHILD_STEPS: Steps = ((signal.SIGTERM, 4),)
_START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What the owner chose. `cameras` is the folder for pictures, if not the data folder's own;
    `model` and the addresses of `detectors` are said, and used by the worker, which reads them
    itself."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8000
    demo: bool = False
    database_url: str | None = None
    redis_url: str | None = None
    cameras: Path | None = None
    model: Path | None = None
    detectors: Sequence[str] = ()

    @property
    def detector(self) -> str:
        """What looks at the pictures, in words."""
        if self.detectors:
            return f"asked at {', '.join(self.detectors)}"
        return str(self.model or "motion alone: `hsi models list` shows the models")


@dataclass(frozen=True, slots=True)
class Commands:
    """What is run: the product's own modules, or a test's."""

    api: Sequence[str] = (sys.executable, "-P", "-m", "backend.main")
    worker: Sequence[str] = (sys.executable, "-P", "-m", "backend.worker")
    demo: Sequence[str] = (sys.executable, "-P", "-m", "backend.demo")


def tell(line: str) -> None:
    """Print a line at once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def nothing_awaited() -> None:
    """No model is fetched."""


def migrate(url: str) -> None:
    """Bring the database to the newest schema."""
    from backend.migrations.run import upgrade

    upgrade(url)


class Up:
    """The foreground process: servers, migrations, then the API and the worker under its eye.

    `decide` may ask the owner, before anything is started, and says which model is fetched.
    """

    def __init__(
        self,
        options: UpOptions,
        *,
        commands: Commands | None = None,
        prepare: Callable[[str], None] = migrate,
        decide: Callable[[], str | None] = nothing_awaited,
        say: Callable[[str], None] = tell,
    ) -> None:
        self._options = options
        self._commands = commands or Commands()
        self._prepare = prepare
        self._decide = decide
        self._say = say
        self._watched: list[Watched] = []
        self._children: list[Watched] = []
        self._servers: list[EmbeddedPostgres | EmbeddedValkey] = []

    def run(self) -> None:
        """Run until SIGINT or SIGTERM; then everything ends, within 10 s.

        To be called from the main thread. Raises Invalid, Conflict or Unavailable, in one line that
        says what to do, where it cannot start.
        """
        options = self._options
        refuse_foreign_host(options.host)
        with ended_by_signals(), ExitStack() as stack:
            folder = stack.enter_context(DataFolder(options.data))
            if not is_free(options.host, options.port):
                raise Conflict(
                    f"port {options.port} of {options.host} is in use: choose another with --port",
                    code="port.in_use",
                )
            if options.model is not None and not is_file(options.model):
                raise Invalid(
                    f"there is no model file {options.model}, which DETECTOR__MODEL or "
                    "`hsi models use` names",
                    code="model.missing",
                )
            if options.database_url is None or options.redis_url is None:
                refuse_closed(options.data)
            folder.take()
            awaited = self._decide()
            stack.callback(self._end_servers)
            stack.callback(self._end_children)
            database, redis = self._start_servers()
            self._prepare(database)
            self._start_children(self._environment(database, redis))
            folder.publish(self._address)
            cameras = options.cameras or folder.cameras
            self._say(f"hsi is up: {self._address}")
            self._say(f"detector: {options.detector if awaited is None else until_here(awaited)}")
            self._say(f"drop pictures into {cameras}/<camera name>/ - Ctrl-C ends it")
            self._watch()

    @property
    def _address(self) -> str:
        host = self._options.host
        return (
            f"http://[{host}]:{self._options.port}"
            if ":" in host
            else (f"http://{host}:{self._options.port}")
        )

    def _start_servers(self) -> tuple[str, str]:
        """The URLs of database and Redis; where none are given, ours are started."""
        options = self._options
        redis = options.redis_url
        database = options.database_url
        if redis is None:
            valkey = EmbeddedValkey(options.data / "valkey")
            redis = self._start_server("Valkey", valkey)
            self._say(f"Redis: our own Valkey in {options.data / 'valkey'} (no REDIS_URL is set)")
        else:
            asyncio.run(refuse_forgetting(redis))
            self._say(f"Redis: {without_secrets(redis)}, from REDIS_URL")
        if database is None:
            postgres = EmbeddedPostgres(options.data / "postgres")
            database = self._start_server("PostgreSQL", postgres)
            place = options.data / "postgres"
            self._say(f"database: our own PostgreSQL in {place} (no DATABASE_URL is set)")
        else:
            self._say(f"database: {without_secrets(database)}, from DATABASE_URL")
        return database, redis

    def _start_server(self, name: str, server: EmbeddedPostgres | EmbeddedValkey) -> str:
        def start() -> subprocess.Popen[bytes]:
            server.start()
            return server.process

        self._servers.append(server)
        watched = Watched(name, start)
        watched.run()
        self._watched.append(watched)
        return server.url

    def _environment(self, database: str, redis: str) -> dict[str, str]:
        options = self._options
        # The children find this very package, whatever folder they are started in.
        package = str(Path(__file__).parents[2])
        paths = [package, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        return os.environ | {
            "DATABASE_URL": database,
            "REDIS_URL": redis,
            "HSI_DATA": str(options.data),
            "API__HOST": options.host,
            "API__PORT": str(options.port),
            "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
            "PROMETHEUS_MULTIPROC_DIR": str(empty_folder(options.data / "metrics")),
        }

    def _start_children(self, environment: dict[str, str]) -> None:
        def child(name: str, command: Sequence[str], *, once: bool = False) -> Watched:
            def start() -> subprocess.Popen[bytes]:
                return spawn(command, when_parent_dies=signal.SIGKILL, env=environment)

            watched = Watched(name, start, once=once)
            self._watched.append(watched)
            self._children.append(watched)
            watched.run()
            return watched

        api = child("api", self._commands.api)
        # The same name each time: a new worker ends at once what a killed one has left open.
        name = f"{socket.gethostname()}:{self._options.data}"
        ready = self._options.data / "worker.ready"
        ready.unlink(missing_ok=True)
        words = ("--name", name, "--ready", str(ready))
        worker = child("worker", [*self._commands.worker, *words])
        self._wait_for_start([api, worker], ready)
        if self._options.demo:
            child("demo", self._commands.demo, once=True)

    def _wait_for_start(self, children: Sequence[Watched], ready: Path) -> None:
        """Wait for both: what fails before it was ready once will fail again."""
        for _ in range(_START_SECONDS * 10):
            for one in children:
                if one.process is not None and one.process.poll() is not None:
                    raise Unavailable(
                        f"the {one.name} {ending(one.process.returncode)} before it was ready: "
                        f"see above, or {self._options.data / 'logs'}",
                        code="up.child_failed",
                    )
            if ready.exists() and answers(self._options.host, self._options.port):
                return
            wait_for_change(children, longest=0.1)
        raise Unavailable(
            f"the {'api' if ready.exists() else 'worker'} was not ready within {_START_SECONDS} s: "
            f"see {self._options.data / 'logs'}",
            code="up.child_failed",
        )

    def _watch(self) -> None:
        while True:
            wait_for_change(self._watched)
            for one in self._watched:
                one.note_end(self._say)
                one.run_if_due(self._say)

    def _end_children(self) -> None:
        running = [one.process for one in self._children if one.process is not None]
        at_once([partial(stop, process, _CHILD_STEPS) for process in running])

    def _end_servers(self) -> None:
        at_once([server.stop for server in self._servers])


def until_here(model: str) -> str:
    """What looks at the pictures while a model is being fetched, in words."""
    return f"motion alone, until {model} is here: `hsi models list` shows how far it is"


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP end the block, which then tidies up undisturbed by others."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        for one in handled:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    handled = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup wants it to live on
        handled.append(signal.SIGHUP)
    before = {one: signal.signal(one, end) for one in handled}
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def refuse_foreign_host(host: str) -> None:
    """Raise Invalid for an address that others than this machine can reach."""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise Invalid(
            f"--host {host}: only 127.0.0.1, ::1 or localhost, since there is no login yet and "
            "whoever reaches the port sees everything",
            code="host.not_loopback",
        )


def refuse_closed(data: Path) -> None:
    """Raise Unavailable where the user as whom root's servers run cannot come to the folder."""
    account = Account.for_server(data / "postgres" / "data")
    is_ours = data.stat().st_uid == os.geteuid()  # then it will be opened
    if closed := account.first_closed(data.parent if is_ours else data):
        raise Unavailable(
            f"the servers, which run as {account.name} and not as root, cannot pass {closed}: "
            f"choose another folder with --data, or let others pass with: chmod o+x {closed}",
            code="data_folder.closed",
        )


def empty_folder(folder: Path) -> Path:
    """The folder, with nothing in it: figures of processes that are gone must not be added up."""
    rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def without_secrets(url: str) -> str:
    """A server's address without user and password."""
    parts = urlsplit(url)
    place = parts.hostname or "localhost"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme.partition('+')[0]} at {place}{port}{parts.path}"


def answers(host: str, port: int) -> bool:
    """Whether the API tells its health, be it good or bad."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/api/health")
        return connection.getresponse().status in {200, 503}
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
