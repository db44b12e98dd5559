"""P3: the whole pipeline with a detector that finds a person without looking."""

import asyncio
import contextlib
import hashlib
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
from redis.asyncio import Redis
from sqlalchemy import text

from backend.core.clock import SystemClock
from backend.core.content_store import ContentStore, write_whole
from backend.core.database import Database
from backend.core.queue import Bells, StreamBells
from backend.core.redis import RedisClient
from backend.domain.boxes import Box, Detection
from backend.domain.events import EventRules
from backend.domain.frames import Lane
from backend.services.analysis.rules import RulesAnalyst
from backend.services.detection.claims import Claims
from backend.services.detection.detector import Findings, View
from backend.services.detection.examiner import Examiner, thumbnail_path
from backend.services.detection.picture import decode, draw_thumbnail
from backend.services.detection.stage import DetectionStage, Results
from backend.services.events.stage import EventStage
from backend.services.ingest.reading import Limits
from backend.services.ingest.scan import slices
from backend.services.ingest.stage import Ingest, Intake
from backend.services.ingest.structure import read_structure
from backend.tests.benchmarks.bench import Bench, report

ROUNDS, PICTURES, CAMERAS = 7, 320, 4
IMAGES = Path(__file__).parents[1] / "fixtures" / "images" / "pipeline_test"
PERSON = Findings((Detection("person", 0.9, Box(0.4, 0.2, 0.1, 0.5)),))


class NullDetector:
    """Finds the same person in every picture."""

    name = "null"
    sight = 640

    async def detect(self, view: View, memory: bytes | None) -> Findings:
        return PERSON


async def measure(bench: Bench) -> None:
    """Pictures per second from the files on disk to events, and of the bare chain, in turn."""
    ours, floor, parts = [], [], []
    async with bench.services() as (database, redis):
        for number in range(ROUNDS + 1):
            files = _make_files(bench.folder / f"round{number}", number)
            product = await _product(files, database, redis, bench.folder / "kept")
            bare = await _bare(bench)
            both = 1 / (1 / bare + 1 / _parts(files, bench.folder / f"parts{number}"))
            if number:  # the first round warms up
                ours.append(product)
                floor.append(bare)
                parts.append(both)
    report("P3 pictures per second / bare chain of 16", ours, floor, goal="none with decode")
    report("P3 pictures per second / sum of its parts", ours, parts, goal=">= 0.7")


def _make_files(root: Path, number: int) -> Path:
    """Pictures of some cameras, all different, a second apart."""
    data = min(IMAGES.glob("*.jpg")).read_bytes()
    begin = datetime.now(UTC) - timedelta(hours=2)
    for i in range(PICTURES):
        path = root / f"Camera {i % CAMERAS}" / f"{number}_{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data + b"%d_%d" % (number, i))
        os.utime(path, ((begin + timedelta(seconds=i)).timestamp(),) * 2)
    return root


def null_pipeline(
    root: Path, database: Database, bells: Bells, kept: Path, told: Callable[[], None]
) -> tuple[Ingest, DetectionStage]:
    """The shipped stages around the null detector."""
    clock, zone = SystemClock(), ZoneInfo("UTC")
    pictures = ContentStore(kept / "pictures")
    intake = Intake(root, pictures, Limits(10**8, 10**8), zone)
    stage = DetectionStage(
        Claims(database, clock, "bench"),
        Examiner(NullDetector(), pictures, kept / "thumbnails"),
        Results(database, EventStage(EventRules(), RulesAnalyst(), clock), clock, zone),
        bells,
        told,
    )
    return Ingest(intake, database, bells, clock), stage


async def empty(database: Database) -> None:
    """Remove what an earlier round left."""
    async with database.transaction() as session:
        for table in ("outbox", "events", "frames", "cameras"):
            await session.execute(text(f"DELETE FROM {table}"))


async def _product(root: Path, database: Database, redis: RedisClient, kept: Path) -> float:
    await empty(database)
    bells = StreamBells(redis, [Lane.LIVE, Lane.BACKLOG], hearer="bench")
    ingest, stage = null_pipeline(root, database, bells, kept, lambda: None)
    started = time.perf_counter()
    working = asyncio.create_task(stage.run())
    async for batch in slices(root):
        await ingest.handle(batch)
    while True:
        async with database.transaction() as session:
            final = await session.scalar(text("SELECT count(finished_at) FROM frames"))
        if final == PICTURES:
            break
        await asyncio.sleep(0.01)
    took = time.perf_counter() - started
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    return PICTURES / took


def _parts(root: Path, kept: Path) -> float:
    """Hash, copy, decode and thumbnail of the same pictures, one after the other."""
    pictures, files = ContentStore(kept), sorted(root.rglob("*.jpg"))
    started = time.perf_counter()
    for number, path in enumerate(files):
        data = path.read_bytes()
        digest = hashlib.sha256(data).digest()
        pictures.put(digest, data)
        structure = read_structure(data)
        full_size = (structure.width, structure.height)
        pixels = decode(pictures.read(digest), longest=NullDetector.sight, full_size=full_size)
        write_whole(thumbnail_path(kept, number), draw_thumbnail(pixels, PERSON.detections))
    return len(files) / (time.perf_counter() - started)


async def _bare(bench: Bench) -> float:
    """XADD -> XREADGROUP -> insert -> XACK in one bare process, 16 at a time."""
    connection = await asyncpg.connect(bench.plain_url)
    await connection.execute("CREATE TABLE IF NOT EXISTS bare (hash bytea, class text, box real[])")
    commands = Redis.from_url(bench.redis_url, decode_responses=True, protocol=2)
    await commands.delete("bare")
    await commands.xgroup_create("bare", "g", id="0", mkstream=True)
    started = time.perf_counter()
    for i in range(PICTURES):
        await commands.xadd("bare", {"n": i})
    done = 0
    while done < PICTURES:
        answer: Any = await commands.xreadgroup("g", "me", {"bare": ">"}, count=16)
        ((_, messages),) = answer
        rows = [
            (hashlib.sha256(fields["n"].encode()).digest(), "person", [0.4, 0.2, 0.1, 0.5])
            for _, fields in messages
        ]
        async with connection.transaction():
            await connection.executemany("INSERT INTO bare VALUES ($1, $2, $3)", rows)
        await commands.xack("bare", "g", *(ticket for ticket, _ in messages))
        done += len(messages)
    took = time.perf_counter() - started
    await commands.aclose()
    await connection.close()
    return PICTURES / took
