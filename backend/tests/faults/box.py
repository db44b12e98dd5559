"""One box: a real `hsi up` with its four processes, on a data folder of its own."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from backend.core.database import Database
from backend.local.access import Access, free_port
from backend.local.postgres import EmbeddedPostgres
from backend.local.process import holders, spawn
from backend.local.valkey import EmbeddedValkey
from backend.migrations.run import upgrade
from backend.tests.faults.bench import Api, FaultBench
from backend.tests.faults.oracle import Oracle
from backend.tests.faults.records import Keep
from backend.tests.fixtures.environment import is_setting
from backend.tests.fixtures.product import PROJECT, Product, until, zone_at_noon

CHILDREN = {"api": "backend.main", "worker": "backend.tests.faults.worker"}
SERVERS = {"postgres": "postgres/data", "valkey": "valkey/data"}
PROGRAMS = ("postgres", "valkey-server", "redis-server")


@contextmanager
def open_folder(name: str) -> Iterator[Path]:
    """A new folder that a server of another user can reach, unlike root's `tmp_path`."""
    folder = Path(mkdtemp(prefix=f"hsi-{name}-"))
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_model(folder: Path) -> Path:
    """Servers that have been started once, with the newest schema, to be copied."""
    postgres, valkey = EmbeddedPostgres(folder / "postgres"), EmbeddedValkey(folder / "valkey")
    try:
        upgrade(postgres.start())
        valkey.start()
    finally:
        postgres.stop()
        valkey.stop()
    return folder


def copy_server(model: Path, target: Path) -> None:
    """A copy of a server's folder, on a port of its own."""
    target.mkdir(mode=model.stat().st_mode & 0o777, parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", f"{model}/.", str(target)], check=True)
    file = target / "access.json"
    access = Access.kept_in(file)
    access.port = free_port()
    access.keep(file)


def postgres_url(folder: Path) -> str:
    """Where the PostgreSQL of a folder is, or will be."""
    access = Access.kept_in(folder / "access.json")
    return f"postgresql+asyncpg://hsi:{access.password}@127.0.0.1:{access.port}/hsi"


def valkey_url(folder: Path) -> str:
    """Where the Valkey of a folder is, or will be."""
    access = Access.kept_in(folder / "access.json")
    return f"redis://:{access.password}@127.0.0.1:{access.port}/0"


@dataclass(slots=True)
class Box:
    """A product as an owner runs it; `bench` drops pictures for it and judges."""

    data: Path
    bench: FaultBench
    port: int
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def made(cls, folder: Path, model: Path, keep: Keep) -> "Box":
        """A box that is not up yet."""
        data = folder / "data"
        for server in ("postgres", "valkey"):
            copy_server(model / server, data / server)
        data.chmod(folder.stat().st_mode & 0o777)
        (data / "cameras").mkdir()
        staging = folder / "staging"
        staging.mkdir()
        environment = {name: value for name, value in os.environ.items() if not is_setting(name)}
        environment |= {
            "HSI_DATA": str(data),
            "PYTHONPATH": str(PROJECT),
            "TIME_ZONE": zone_at_noon(),
        }
        product = Product(environment, data / "cameras", staging, log=folder / "up.log")
        database = Database(postgres_url(data / "postgres"), connections=2)
        oracle = Oracle(database, valkey_url(data / "valkey"), data)
        return cls(data, FaultBench(product, oracle, keep), free_port())

    def database(self) -> Database:
        """Its database, as its folder says by now."""
        return Database(postgres_url(self.data / "postgres"), connections=2)

    async def start(self) -> None:
        """Bring it up, and wait until it is healthy."""
        with self.bench.product.log.open("ab") as output:
            begin = output.tell()
            self.process = spawn(
                [
                    *(sys.executable, "-P", "-m", "backend.tests.faults.up"),
                    *(str(self.data), str(self.port)),
                ],
                when_parent_dies=signal.SIGTERM,
                output=output,
                env=self.bench.product.environment,
            )
        self.bench.apis["A"] = Api(self.process, self.port, f"http://127.0.0.1:{self.port}")

        async def is_up() -> bool:
            assert self.process is not None
            said = self.bench.product.log.read_bytes()[begin:].decode()
            assert self.process.poll() is None, said
            return "hsi is up" in said

        await until(is_up, "the box to be up", seconds=120)

    def pid(self, name: str) -> int | None:
        """The process of a part: api, worker, postgres, valkey, or up; none once that ended."""
        if self.process is None or self.process.poll() is not None:
            return None
        if name == "up":
            return self.process.pid
        ours = _children(self.process.pid)
        if name in SERVERS:
            return next((pid for pid in self._holders(name) if pid in ours), None)
        return next((pid for pid in ours if _runs(pid, CHILDREN[name])), None)

    def _holders(self, server: str) -> list[int]:
        return holders(self.data / SERVERS[server], PROGRAMS)

    def send(self, name: str, number: signal.Signals = signal.SIGKILL) -> bool:
        """Send a part a signal; whether it was there."""
        pid = self.pid(name)
        if pid is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            return True
        return False

    async def replaced(self, name: str, former: int) -> None:
        """Wait until another process does a part's work."""

        async def is_new() -> bool:
            return self.pid(name) not in {None, former}

        await until(is_new, f"another {name}")

    def end(self) -> None:
        """End it, as Ctrl-C would."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.terminate()
            self.process.wait(20)
            self.process = None

    async def close(self) -> None:
        """End it for good."""
        self.end()
        await self.bench.oracle.database.close()


def _runs(pid: int, module: str) -> bool:
    with suppress(OSError):
        return module in Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return False


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, tasks.read_text().split())
    return found
