"""P7, P8, P19, P20: what is counted and not timed."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import event

from backend.core.clock import SystemClock
from backend.core.database import Database
from backend.core.queue import MemoryBells, StreamBells
from backend.domain.frames import Lane
from backend.services.ingest.scan import slices
from backend.services.ingest.stage import FoundFile
from backend.services.live.relay import OutboxRelay
from backend.tests.benchmarks.bench.detector import service
from backend.tests.benchmarks.bench.pictures import put_many
from backend.tests.benchmarks.bench.place import Bench, Place
from backend.tests.benchmarks.bench.rows import Goal, Row, row_of
from backend.tests.benchmarks.bench.stages import (
    Finished,
    Unlooking,
    add_cameras,
    detection_of,
    empty,
    ingest_of,
    looking,
    receive,
    running,
)
from backend.tests.benchmarks.bench.watching import decodes_counted

_LANES = [Lane.LIVE, Lane.BACKLOG]
_PICTURES = 320


async def measure_decodes(bench: Bench) -> list[Row]:
    """P7: how often a picture is decoded, by any part of the process."""
    pictures = bench.some(48)
    async with bench.place() as place, place.services() as (database, _):

        async def per_picture(number: int) -> float:
            await empty(database)
            root = place.folder / f"media{number}"
            put_many(root, pictures, first=number * pictures)
            bells, finished = MemoryBells(_LANES), Finished.of(database)
            kept = place.folder / "kept"
            with decodes_counted() as counted:
                async with running(detection_of(database, bells, looking(kept), finished.told)):
                    async for batch in slices(root):
                        await ingest_of(root, database, bells, kept).handle(batch)
                    await finished.wait(pictures)
            drawn = len(list((kept / "thumbnails").rglob("*.jpg")))
            if drawn < pictures:
                raise AssertionError(f"{drawn} thumbnails of {pictures} pictures")
            return counted[0] / pictures

        (values,) = await bench.in_turns(per_picture, rounds=3)
    return [
        row_of(
            "P7",
            "decodes per picture, file to event and thumbnail",
            "one",
            values,
            goal=service.ONCE,
        ),
        *await service.measure_decodes(bench),
    ]


@dataclass(slots=True)
class _Traffic:
    """What one database client was asked for. A transaction that only reads is a commit too."""

    commits: int = 0
    statements: int = 0

    def reset(self) -> None:
        """Begin anew."""
        self.commits = self.statements = 0


@asynccontextmanager
async def _counted(place: Place) -> AsyncIterator[tuple[Database, _Traffic]]:
    """A client of its own for one stage, counted where the driver is called."""
    database, traffic = Database(place.database_url), _Traffic()
    engine = database._engine.sync_engine

    def commit(_connection: Any) -> None:
        traffic.commits += 1

    def statement(*_: Any) -> None:
        traffic.statements += 1

    event.listen(engine, "commit", commit)
    event.listen(engine, "before_cursor_execute", statement)
    try:
        yield database, traffic
    finally:
        await database.close()


async def measure_statements(bench: Bench) -> list[Row]:
    """P8: commits and statements per picture, at load and for a single picture."""
    pictures = bench.some(_PICTURES)
    rows = []
    async with (
        bench.place() as place,
        place.services() as (database, redis),
        _counted(place) as ingest,
        _counted(place) as detection,
        _counted(place) as relay,
    ):
        work = _Work(
            place, database, OutboxRelay(relay[0], redis, SystemClock()), ingest, detection
        )
        for name, traffic in (("ingest", ingest[1]), ("detection and events", detection[1])):
            for kind, most in (("commits", 1 / 16), ("statements", 0.2)):

                async def per_picture(
                    number: int, traffic: _Traffic = traffic, kind: str = kind
                ) -> float:
                    await work.off(pictures)
                    return float(getattr(traffic, kind)) / pictures

                (values,) = await bench.in_turns(per_picture, rounds=3)
                row = row_of(
                    "P8",
                    f"{kind} per picture at load, {name}",
                    _COUNTED,
                    values,
                    unit="per picture",
                    goal=Goal(most=most),
                )
                rows.append(row)

        async def single(_number: int) -> float:
            relay[1].reset()
            await work.off(1)
            return ingest[1].commits + detection[1].commits + relay[1].commits

        (values,) = await bench.in_turns(single, rounds=3)
    one = "commits for one picture at idle, all stages and the relay"
    return [*rows, row_of("P8", one, _COUNTED, values, unit="commits", goal=Goal(most=3))]


_COUNTED = "none: counted at the driver, transactions that only read too"


class _Work:
    """Pictures through the stages, each stage with a database client of its own."""

    def __init__(
        self,
        place: Place,
        database: Database,
        relay: OutboxRelay,
        ingest: tuple[Database, _Traffic],
        detection: tuple[Database, _Traffic],
    ) -> None:
        self._place = place
        self._database = database
        self._relay = relay
        self._ingest = ingest
        self._detection = detection
        self._rounds = 0

    async def off(self, pictures: int) -> None:
        """Pictures in, events out, messages numbered."""
        await empty(self._database)
        self._rounds += 1
        root = self._place.folder / f"media{self._rounds}"
        put_many(root, pictures, first=self._rounds * pictures)
        bells, finished = MemoryBells(_LANES), Finished.of(self._database)
        stage = detection_of(self._detection[0], bells, Unlooking(), finished.told)
        ingest = ingest_of(root, self._ingest[0], bells, self._place.folder / "kept")
        for database, traffic in (self._ingest, self._detection):
            await database.ping()  # a first connection asks questions of its own
            traffic.reset()
        async for batch in slices(root, found_by="watch"):
            await ingest.handle(_unmarked(batch))
        while (bell := await bells.hear(0.01)) is not None:
            await stage.handle(bell)
        await finished.wait(pictures)
        await self._relay.relay()


def _unmarked(batch: Sequence[FoundFile]) -> list[FoundFile]:
    """As the watcher finds them: nobody has looked at the files yet."""
    return [FoundFile(file.relative, file.found_by) for file in batch]


async def measure_round_trips(bench: Bench) -> list[Row]:
    """P19: how often Redis is asked at load, as Redis itself counts what it reads."""
    pictures = bench.some(_PICTURES)
    async with (
        bench.place() as place,
        place.services() as (database, redis),
        place.commands() as commands,
    ):

        async def reads() -> int:
            return int((await commands.info("stats"))["total_reads_processed"])

        async def per_picture(number: int) -> float:
            await empty(database)
            ids = await add_cameras(database, 4)
            bells = StreamBells(redis, _LANES, hearer="bench")
            finished = Finished.of(database)
            stage = detection_of(database, bells, Unlooking(), finished.told)
            await bells.forget_stale()  # makes the streams
            before = await reads()
            async with running(stage):
                await receive(database, bells, ids, pictures)
                await finished.wait(pictures)
            return (await reads() - before - 1) / pictures

        (values,) = await bench.in_turns(per_picture, rounds=3)
    return [
        row_of(
            "P19",
            "Redis round trips per picture at load, bells of batches of 16",
            "none: counted by the server; a bare stream needs 3",
            values,
            unit="per picture",
            goal=Goal(most=1),
        )
    ]


_BYTES = {"events": 600, "detections": 200, "frames": 400, "assessments": 1000}


async def measure_disk(bench: Bench) -> list[Row]:
    """P20: bytes on disk for each row, indexes included, after the ordinary vacuum."""
    pictures = bench.some(6000)
    sizes: dict[str, list[float]] = {table: [] for table in _BYTES}
    async with bench.place() as place, place.services() as (database, _):
        bench.say(f"{pictures} pictures")
        ids = await add_cameras(database, 4)
        bells, finished = MemoryBells(_LANES), Finished.of(database)
        async with running(detection_of(database, bells, Unlooking(), finished.told)):
            # 16 to an event, and one assessment for each batch that is attached.
            await receive(database, bells, ids, pictures, apart=timedelta(seconds=5))
            await finished.wait(pictures)
        async with place.connection() as connection:
            await connection.execute("VACUUM ANALYZE")
            for table in _BYTES:
                size = await connection.fetchval(
                    "SELECT pg_total_relation_size($1::regclass)", table
                )
                rows = await connection.fetchval(f"SELECT count(*) FROM {table}")
                sizes[table].append(size / rows)
    return [
        row_of(
            "P20",
            f"bytes on disk per row of {table}, with indexes",
            f"none: {pictures} pictures through the stages, then VACUUM",
            sizes[table],
            unit="B",
            goal=Goal(most=most),
        )
        for table, most in _BYTES.items()
    ]
