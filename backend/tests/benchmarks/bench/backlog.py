"""P2: files that lie there at the start become rows of the ledger."""

import hashlib
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import asyncpg

from backend.core.clock import SystemClock
from backend.core.content_store import ContentStore
from backend.core.queue import MemoryBells
from backend.domain.frames import Lane
from backend.services.ingest.folder_watcher import FolderScanner, FolderWatcher
from backend.services.ingest.scan import SLICE
from backend.tests.benchmarks.bench.pictures import picture, put, put_many
from backend.tests.benchmarks.bench.place import Bench, Place
from backend.tests.benchmarks.bench.processes import peak_mb, reset_peak, resident_mb
from backend.tests.benchmarks.bench.rows import Goal, Row, ratios, row_of
from backend.tests.benchmarks.bench.stages import empty, ingest_of

_FILES = 2000
_MANY = 100_000
_FLOOR = "scandir, hash, set-based insert, in one process"


async def measure(bench: Bench) -> list[Row]:
    """Files per second of the first scan, of the bare chain, and of that with the copies."""
    files = bench.some(_FILES)
    async with bench.place() as place:
        work = _Work(place, files)
        put_many(work.root, files, first=0)
        ours, bare, copied = await bench.in_turns(work.scan, work.bare, work.copied)
    return [
        row_of(
            "P2",
            "files per second of a backlog, first scan",
            _FLOOR,
            ratios(ours, bare),
            goal=Goal(least=0.6),
            note="the floor copies nothing: each of our files is also copied and flushed to disk",
        ),
        row_of(
            "P2",
            "files per second of a backlog, first scan",
            f"{_FLOOR}, and a flushed copy of each",
            ratios(ours, copied),
        ),
        await _memory(bench),
    ]


class _Work:
    """The sides of P2, over the same files. Each gives files per second."""

    def __init__(self, place: Place, files: int) -> None:
        self.root = place.folder / "media"
        self._place = place
        self._files = files

    async def scan(self, number: int) -> float:
        """The shipped scan and ingest."""
        async with self._place.services() as (database, _):
            await empty(database)
            kept = self._place.folder / f"kept{number}"
            ingest = ingest_of(self.root, database, MemoryBells(list(Lane)), kept)
            clock = SystemClock()
            watcher = FolderWatcher(self.root, clock, polling=False, poll_seconds=10)
            watcher.watching.set()
            batches = FolderScanner(self.root, clock, watcher).batches()
            started, taken = time.perf_counter(), 0
            while taken < self._files:
                batch = await anext(batches)
                await ingest.handle(batch)
                taken += len(batch)
            took = time.perf_counter() - started
            await batches.aclose()
        async with self._place.connection() as connection:
            await self._all_there(connection, "frames")
        return self._files / took

    async def bare(self, number: int) -> float:
        """The floor."""
        return await self._insert_all(f"bare{number}", None)

    async def copied(self, number: int) -> float:
        """The floor, with the copies that the product keeps."""
        return await self._insert_all(
            f"copied{number}", ContentStore(self._place.folder / f"copied{number}")
        )

    async def _insert_all(self, table: str, store: ContentStore | None) -> float:
        async with self._place.connection() as connection:
            await connection.execute(
                f"CREATE TABLE {table} (path text, size bigint, mtime bigint, hash bytea, "
                "UNIQUE (path, hash))"
            )
            started = time.perf_counter()
            found = _listed(self.root)
            while batch := list(islice(found, SLICE)):
                rows = [_row(entry, store) for entry in batch]
                await connection.execute(
                    f"INSERT INTO {table} SELECT * FROM unnest($1::text[], $2::bigint[], "
                    "$3::bigint[], $4::bytea[])",
                    *map(list, zip(*rows, strict=True)),
                )
            took = time.perf_counter() - started
            await self._all_there(connection, table)
        return self._files / took

    async def _all_there(self, connection: asyncpg.Connection, table: str) -> None:
        stored = await connection.fetchval(f"SELECT count(*) FROM {table}")
        if stored != self._files:
            raise AssertionError(f"{stored} of {self._files} rows in {table}")


def _listed(root: Path) -> Iterator[os.DirEntry[str]]:
    for folder in os.scandir(root):
        yield from os.scandir(folder)


def _row(entry: os.DirEntry[str], store: ContentStore | None) -> tuple[str, int, int, bytes]:
    found, data = entry.stat(), Path(entry.path).read_bytes()
    digest = hashlib.sha256(data).digest()
    if store is not None:
        store.put(digest, data)
    return entry.path, found.st_size, found.st_mtime_ns, digest


async def _memory(bench: Bench) -> Row:
    """What the process needs more while it goes through many files, all in one folder."""
    files = bench.some(_MANY)
    async with bench.place() as place, place.services() as (database, _):
        root = place.folder / "media"
        _link_many(root / "Camera", files)
        ingest = ingest_of(root, database, MemoryBells(list(Lane)), place.folder / "kept")
        clock = SystemClock()
        watcher = FolderWatcher(root, clock, polling=False, poll_seconds=10)
        watcher.watching.set()
        batches = FolderScanner(root, clock, watcher).batches()
        before, taken = resident_mb(), 0
        reset_peak()
        while taken < files:
            batch = await anext(batches)
            await ingest.handle(batch)
            taken += len(batch)
        grown = peak_mb() - before
        await batches.aclose()
    return row_of(
        "P2",
        f"memory at most, {files} files in one folder",
        "before the scan",
        [grown],
        unit="MB",
        goal=Goal(most=100),
        note="each content under a thousand names, so that the disk is not filled",
    )


def _link_many(folder: Path, files: int) -> None:
    """Files with one content a thousand."""
    for number in range(files):
        path = folder / f"{number}.jpg"
        if number % 1000 == 0:
            put(path, picture(number, like=0), taken_at=datetime.now(UTC))
        else:
            os.link(folder / f"{number - number % 1000}.jpg", path)
