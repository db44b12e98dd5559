"""P3: pictures per second of the whole pipeline, with a detector that does not look."""

import hashlib
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from backend.core.content_store import ContentStore, write_whole
from backend.core.database import Database
from backend.core.queue import StreamBells
from backend.core.redis import RedisClient
from backend.domain.frames import Lane
from backend.domain.thumbnails import thumbnail_path
from backend.services.detection.examiner import Examiner
from backend.services.detection.picture import decode, draw_thumbnail
from backend.services.ingest.scan import slices
from backend.services.ingest.structure import read_structure
from backend.tests.benchmarks.bench.pictures import put_many
from backend.tests.benchmarks.bench.place import Bench, Place
from backend.tests.benchmarks.bench.rows import Goal, Row, ratios, row_of
from backend.tests.benchmarks.bench.stages import (
    BATCH,
    Finished,
    NullDetector,
    Unlooking,
    add_cameras,
    detection_of,
    empty,
    ingest_of,
    looking,
    receive,
    running,
)
from backend.tests.fixtures.detectors import person_walking

_PICTURES, _CAMERAS = 320, 4
_FLOOR = "XADD, XREADGROUP, insert, XACK, 16 at a time, in one process"


async def measure(bench: Bench) -> list[Row]:
    """Pictures per second of the pipeline in three forms, of the bare chain, and of the parts."""
    pictures = bench.some(_PICTURES)
    async with bench.place() as place, place.services() as (database, redis):
        work = _Work(place, database, redis, pictures)
        ledger, files, whole, parts, bare = await bench.in_turns(
            work.from_the_ledger, work.from_files, work.with_pictures, work.parts, work.bare
        )
    sum_of_parts = [1 / (1 / a + 1 / b) for a, b in zip(bare, parts, strict=True)]
    return [
        row_of(
            "P3",
            "pictures per second, null detector, from rows received to events",
            _FLOOR,
            ratios(ledger, bare),
            goal=Goal(least=0.35),
            note="no file is read: the floor has none either",
        ),
        row_of(
            "P3",
            "pictures per second, null detector, from files to events, without decoding",
            _FLOOR,
            ratios(files, bare),
            note="each file is also read, hashed, copied and flushed to disk",
        ),
        row_of(
            "P3",
            "pictures per second, null detector, from files to events and thumbnails",
            "sum of its parts: the floor; hash, copy, decode, thumbnail",
            ratios(whole, sum_of_parts),
            goal=Goal(least=0.7),
        ),
    ]


class _Work:
    """The sides of P3, over one place. Each gives pictures per second."""

    def __init__(self, place: Place, database: Database, redis: RedisClient, pictures: int) -> None:
        self._place = place
        self._database = database
        self._redis = redis
        self._pictures = pictures

    async def from_the_ledger(self, number: int) -> float:
        """Rows are received, and become events; no file is looked at."""
        await empty(self._database)
        ids = await add_cameras(self._database, _CAMERAS)
        bells = self._bells()
        finished = Finished.of(self._database)
        started = time.perf_counter()
        async with running(detection_of(self._database, bells, Unlooking(), finished.told)):
            await receive(self._database, bells, ids, self._pictures, apart=timedelta(seconds=1))
            await finished.wait(self._pictures)
            return self._pictures / (time.perf_counter() - started)

    async def from_files(self, number: int) -> float:
        """Files become events; they are hashed and copied, and not decoded."""
        return await self._files(f"files{number}", Unlooking())

    async def with_pictures(self, number: int) -> float:
        """Files become events and thumbnails."""
        return await self._files(f"whole{number}", looking(self._kept(f"whole{number}")))

    async def _files(self, name: str, examiner: Examiner) -> float:
        root = self._place.folder / name
        put_many(root, self._pictures, first=0, cameras=_CAMERAS)
        await empty(self._database)
        bells = self._bells()
        finished = Finished.of(self._database)
        ingest = ingest_of(root, self._database, bells, self._kept(name))
        started = time.perf_counter()
        async with running(detection_of(self._database, bells, examiner, finished.told)):
            async for batch in slices(root):
                await ingest.handle(batch)
            await finished.wait(self._pictures)
            return self._pictures / (time.perf_counter() - started)

    async def parts(self, number: int) -> float:
        """Hash, copy, decode and thumbnail of the same pictures, one after the other."""
        root, kept = self._place.folder / f"whole{number}", self._kept(f"parts{number}")
        pictures, files = ContentStore(kept), sorted(root.rglob("*.jpg"))
        person = person_walking(datetime.now(UTC)).detections
        started = time.perf_counter()
        for number_of_file, path in enumerate(files):
            data = path.read_bytes()
            digest = hashlib.sha256(data).digest()
            pictures.put(digest, data)
            structure = read_structure(data)
            full_size = (structure.width, structure.height)
            pixels = decode(pictures.read(digest), longest=NullDetector.sight, full_size=full_size)
            thumbnail = draw_thumbnail(pixels, person)
            write_whole(thumbnail_path(kept, number_of_file), thumbnail)
        return len(files) / (time.perf_counter() - started)

    async def bare(self, number: int) -> float:
        """XADD -> XREADGROUP -> insert -> XACK in one bare process, 16 at a time."""
        stream = self._place.key(f"bare{number}")
        table = f"bare{number}"
        async with self._place.connection() as connection, self._place.commands() as commands:
            await connection.execute(f"CREATE TABLE {table} (hash bytea, class text, box real[])")
            await commands.xgroup_create(stream, "g", id="0", mkstream=True)
            started = time.perf_counter()
            for i in range(self._pictures):
                await commands.xadd(stream, {"n": i})
            done = 0
            while done < self._pictures:
                answer: Any = await commands.xreadgroup("g", "me", {stream: ">"}, count=BATCH)
                ((_, messages),) = answer
                rows = [
                    (hashlib.sha256(fields["n"].encode()).digest(), "person", [0.4, 0.2, 0.1, 0.5])
                    for _, fields in messages
                ]
                async with connection.transaction():
                    await connection.executemany(f"INSERT INTO {table} VALUES ($1, $2, $3)", rows)
                await commands.xack(stream, "g", *(ticket for ticket, _ in messages))
                done += len(messages)
            took = time.perf_counter() - started
            stored = await connection.fetchval(f"SELECT count(DISTINCT hash) FROM {table}")
        if stored != self._pictures:
            raise AssertionError(f"{stored} of {self._pictures} rows stored")
        return self._pictures / took

    def _bells(self) -> StreamBells:
        return StreamBells(self._redis, [Lane.LIVE, Lane.BACKLOG], hearer="bench")

    def _kept(self, name: str) -> Path:
        return self._place.folder / "kept" / name
