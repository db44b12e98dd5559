"""P1: a file is closed -> its row is in the ledger."""

import asyncio
import hashlib
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
from asyncinotify import Inotify, Mask

from backend.core.clock import SystemClock
from backend.core.content_store import ContentStore
from backend.core.queue import MemoryBells
from backend.domain.frames import Lane
from backend.services.ingest.folder_watcher import FolderWatcher
from backend.services.ingest.reading import Limits
from backend.services.ingest.stage import Ingest, Intake
from backend.tests.benchmarks.bench import Bench, percentile, report

ROUNDS, FILES = 7, 60
PICTURE = Path(__file__).parents[1] / "fixtures" / "images" / "pipeline_test"


class TimedBells(MemoryBells):
    """Notes when a bell rings: the commit is just over."""

    def __init__(self) -> None:
        super().__init__([Lane.LIVE, Lane.BACKLOG])
        self.rang = asyncio.Event()
        self.at = 0.0

    async def ring(self, name: str, lane: str) -> None:
        self.at = time.perf_counter()
        self.rang.set()


async def measure(bench: Bench) -> None:
    """Rounds of the product and of the floor in turn; the ratio of their p99 and of their p50."""
    data = min(PICTURE.glob("*.jpg")).read_bytes()
    async with bench.services() as (database, _):
        media, plain = bench.folder / "media", bench.folder / "plain"
        plain.mkdir()
        clock, bells = SystemClock(), TimedBells()
        watcher = FolderWatcher(media, clock, polling=False, poll_seconds=10)
        intake = Intake(
            media, ContentStore(bench.folder / "pictures"), Limits(10**8, 10**8), ZoneInfo("UTC")
        )
        running = asyncio.create_task(Ingest(intake, database, bells, clock).run(watcher))
        await watcher.watching.wait()
        (media / "Camera").mkdir()
        await asyncio.sleep(0.5)
        connection = await asyncpg.connect(bench.plain_url)
        await connection.execute("CREATE TABLE plain (path text, hash bytea)")
        ours, floor = [], []
        for number in range(ROUNDS + 1):
            product = [
                await _product(
                    media / "Camera" / f"{number}_{i}.jpg", _other(data, number, i), bells
                )
                for i in range(FILES)
            ]
            bare = [
                await _bare(plain / f"{number}_{i}.jpg", _other(data, number, i), connection)
                for i in range(FILES)
            ]
            if number:  # the first round warms up
                ours.append(product)
                floor.append(bare)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await connection.close()
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        report(
            f"P1 file closed -> row in the ledger, {name}",
            [percentile(one, share) for one in ours],
            [percentile(one, share) for one in floor],
            goal="p99 <= 3",
        )


def _other(data: bytes, number: int, i: int) -> bytes:
    """The same picture with other bytes behind its end."""
    return data + b"%d_%d" % (number, i)


async def _product(path: Path, data: bytes, bells: TimedBells) -> float:
    bells.rang.clear()
    with path.open("wb") as file:
        file.write(data)
    closed = time.perf_counter()
    await bells.rang.wait()
    return bells.at - closed


async def _bare(path: Path, data: bytes, connection: asyncpg.Connection) -> float:
    """Inotify, hash, one commit."""
    with Inotify() as inotify:
        inotify.add_watch(path.parent, Mask.CLOSE_WRITE)
        with path.open("wb") as file:
            file.write(data)
        closed = time.perf_counter()
        event = await inotify.get()
        digest = hashlib.sha256(event.path.read_bytes()).digest()  # type: ignore[union-attr]
        await connection.execute("INSERT INTO plain VALUES ($1, $2)", str(event.path), digest)
        return time.perf_counter() - closed
