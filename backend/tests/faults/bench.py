"""Real workers over a test's own ledger, pictures for them, and the one oracle."""

import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

from backend.core.database import get_database
from backend.local.process import spawn
from backend.services.upkeep.consistency import examine
from backend.tests.fixtures.ledger import jpeg
from backend.tests.fixtures.product import Drop, Product, a_while_ago, until
from backend.tests.verify_database import newest_migration

_END_SECONDS = 15


@dataclass(slots=True)
class FaultBench:
    """Workers by name, and every picture that was ever dropped."""

    product: Product
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    dropped: list[Drop] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=count)

    def start(self, name: str = "A", *, end_at: str | None = None, times: int = 1) -> None:
        """Start a worker, which may end itself at a point (`worker.POINTS`)."""
        halt = ["--end-at", end_at, "--times", str(times)] if end_at else []
        with self.product.log.open("ab") as output:
            self.workers[name] = spawn(
                [sys.executable, "-m", "backend.tests.faults.worker", "--name", name, *halt],
                when_parent_dies=signal.SIGKILL,
                output=output,
                env=self._environment(),
            )

    def _environment(self) -> Mapping[str, str]:
        return {**self.product.environment, **self.environment}

    def send(self, number: signal.Signals, name: str = "A") -> None:
        """Send a worker a signal."""
        self.workers[name].send_signal(number)

    def end(self, number: signal.Signals = signal.SIGKILL, name: str = "A") -> int:
        """Send a worker a signal, and wait for its end; its exit status."""
        process = self.workers.pop(name)
        process.send_signal(number)
        return process.wait(_END_SECONDS)

    async def killed_itself(self, name: str = "A") -> None:
        """Wait until a worker has come to its point."""
        process = self.workers[name]

        async def ended() -> bool:
            return process.poll() is not None

        await until(ended, f"{name} to come to its point")
        del self.workers[name]
        assert process.returncode == -signal.SIGKILL, self.product.log.read_text()[-3000:]

    def drop(self, pictures: int, *, cameras: int = 3) -> None:
        """Drop new pictures, each with a person in it for this bench's detector."""
        begin = a_while_ago()
        fresh = [
            Drop(
                jpeg(number),
                f"Camera {number % cameras}",
                f"{number}.jpg",
                begin + timedelta(seconds=number // cameras),
            )
            for number in (next(self._numbers) for _ in range(pictures))
        ]
        self.product.drop(fresh)
        self.dropped += fresh

    async def some_final(self, frames: int) -> None:
        """Wait until so many frames are final, or more."""

        async def enough() -> bool:
            return await self._count("SELECT count(finished_at) AS n FROM frames") >= frames

        await until(enough, f"{frames} final frames")

    async def settled(self, *, seconds: float = 60.0) -> float:
        """Wait until nothing is left to do; how many seconds that took."""
        begun = time.monotonic()

        async def quiet() -> bool:
            final = await self._count("SELECT count(finished_at) AS n FROM frames")
            untold = await self._count("SELECT count(*) AS n FROM outbox WHERE number IS NULL")
            return final >= len(self.dropped) and untold == 0

        await until(quiet, f"{len(self.dropped)} final frames, and all told", seconds=seconds)
        return time.monotonic() - begun

    async def _count(self, query: str) -> int:
        (row,) = await self.product.rows(query)
        return int(row["n"])

    async def check(self) -> None:
        """The oracle: every picture once and final, everything once, nothing contradicts."""
        rows = await self.product.rows(
            "SELECT c.folder || '/' || f.path AS place, f.state, count(d.id) AS things "
            "FROM frames f JOIN cameras c ON c.id = f.camera_id "
            "LEFT JOIN detections d ON d.frame_id = f.id GROUP BY c.folder, f.path, f.id"
        )
        found = sorted((row["place"], row["state"], row["things"]) for row in rows)
        assert found == sorted((f"{d.folder}/{d.name}", "attached", 1) for d in self.dropped)
        events = await self._count("SELECT count(*) AS n FROM events")
        opened = await self._count("SELECT count(*) AS n FROM outbox WHERE kind = 'event.opened'")
        assert opened == events
        database = get_database()
        wrong = [
            f"{check.name}: {check.examples or check.hindrance}"
            for check in await examine(database, newest=newest_migration(_url(self.product)))
            if not check.passed
        ]
        assert wrong == []


def _url(product: Product) -> str:
    return product.environment["DATABASE_URL"]
