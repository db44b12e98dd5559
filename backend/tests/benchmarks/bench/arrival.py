"""P1: a file is closed -> its row is in the ledger."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from asyncinotify import Inotify, Mask

from backend.core.clock import SystemClock
from backend.core.queue import MemoryBells
from backend.domain.frames import Lane
from backend.services.ingest.folder_watcher import FolderWatcher
from backend.tests.benchmarks.bench.pictures import picture
from backend.tests.benchmarks.bench.place import Bench, Place
from backend.tests.benchmarks.bench.rows import Goal, Row, percentile, ratios, row_of
from backend.tests.benchmarks.bench.stages import ingest_of

_FILES = 60

TakeIn = Callable[[str, bytes], Awaitable[float]]
"""Writes a file of this name and content; the seconds from its closing to its commit."""


async def measure(bench: Bench) -> list[Row]:
    """Rounds of the product and of the floor in turn; the ratios of their p50 and p99."""
    files = bench.some(_FILES)
    took: dict[str, list[list[float]]] = {"ours": [], "floor": []}
    async with bench.place() as place, _product(place) as product, _bare(place) as bare:
        sides = {"ours": product, "floor": bare}

        async def one_round(side: str, number: int) -> float:
            seconds = [
                await sides[side](f"{number}_{i}", picture(number * files + i, like=0))
                for i in range(files)
            ]
            if number:
                took[side].append(seconds)
            return sum(seconds)

        await bench.in_turns(lambda n: one_round("ours", n), lambda n: one_round("floor", n))
        await _all_there(place, files * (bench.rounds + 1))
    return [
        row_of(
            "P1",
            f"file closed -> row in the ledger, {name}",
            f"inotify, hash, one commit, {name}",
            ratios(*([percentile(one, share) for one in took[side]] for side in sides)),
            goal=goal,
        )
        for name, share, goal in (("p99", 0.99, Goal(most=3)), ("p50", 0.5, None))
    ]


async def _all_there(place: Place, files: int) -> None:
    async with place.connection() as connection:
        ours = await connection.fetchval("SELECT count(*) FROM frames WHERE path <> 'first.jpg'")
        floor = await connection.fetchval("SELECT count(DISTINCT hash) FROM bare")
    if not ours == floor == files:
        raise AssertionError(f"{ours} and {floor} rows for {files} files")


class _TimedBells(MemoryBells):
    """Notes when a bell rings: the commit is just over."""

    def __init__(self) -> None:
        super().__init__([Lane.LIVE, Lane.BACKLOG])
        self.rang = asyncio.Event()
        self.at = 0.0

    async def ring(self, name: str, lane: str) -> None:
        self.at = time.perf_counter()
        self.rang.set()


@asynccontextmanager
async def _product(place: Place) -> AsyncIterator[TakeIn]:
    """The shipped watcher and ingest."""
    media, bells = place.folder / "media", _TimedBells()
    folder = media / "Camera"
    folder.mkdir(parents=True)

    async def take_in(name: str, data: bytes) -> float:
        bells.rang.clear()
        closed = _write(folder / f"{name}.jpg", data)
        async with asyncio.timeout(10):
            await bells.rang.wait()
        return bells.at - closed

    async with place.services() as (database, _):
        watcher = FolderWatcher(media, SystemClock(), polling=False, poll_seconds=10)
        ingest = ingest_of(media, database, bells, place.folder / "kept")
        running = asyncio.create_task(ingest.run(watcher))
        try:
            await watcher.watching.wait()
            await take_in("first", picture(-1))  # makes the camera
            yield take_in
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def _bare(place: Place) -> AsyncIterator[TakeIn]:
    """Inotify, hash, one commit."""
    folder = place.folder / "bare"
    folder.mkdir()
    async with place.connection() as connection:
        await connection.execute("CREATE TABLE bare (path text, hash bytea)")
        with Inotify() as inotify:
            inotify.add_watch(folder, Mask.CLOSE_WRITE)

            async def take_in(name: str, data: bytes) -> float:
                closed = _write(folder / name, data)
                await _insert(connection, (await inotify.get()).path)
                return time.perf_counter() - closed

            yield take_in


async def _insert(connection: asyncpg.Connection, path: Path | None) -> None:
    digest = _hash_of(path)
    await connection.execute("INSERT INTO bare VALUES ($1, $2)", str(path), digest)


def _hash_of(path: Path | None) -> bytes:
    if path is None:
        raise AssertionError("an event without a path")
    return hashlib.sha256(path.read_bytes()).digest()


def _write(path: Path, data: bytes) -> float:
    with path.open("wb") as file:
        file.write(data)
    return time.perf_counter()
