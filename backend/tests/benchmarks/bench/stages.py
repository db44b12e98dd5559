"""The shipped stages around a detector that finds the same person in every picture."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import text

from backend.core.breaker import Breaker
from backend.core.clock import SystemClock
from backend.core.content_store import ContentStore
from backend.core.database import Database
from backend.core.queue import Bells
from backend.domain.events import EventRules
from backend.domain.frames import Arrival, FileMark, FrameState, Lane, WaitingFrame
from backend.services.analysis.rules import RulesAnalyst
from backend.services.detection.claims import Claims
from backend.services.detection.colours import ColourEnricher
from backend.services.detection.detector import Detector, Findings, View
from backend.services.detection.enrichment import Enrichment
from backend.services.detection.examiner import Examination, Examiner, Seen
from backend.services.detection.movement import MovementEnricher
from backend.services.detection.reader import PictureReader
from backend.services.detection.stage import DetectionStage, Results
from backend.services.detection.tracking import Tracker
from backend.services.events.stage import EventStage
from backend.services.ingest.reading import Limits
from backend.services.ingest.stage import Ingest, Intake
from backend.services.stores import cameras, frames
from backend.services.stores.knowledge import Knowledge
from backend.tests.fixtures.detectors import person_walking

BATCH = 16
_NO_PIXELS = np.zeros((1, 1, 3), np.uint8)


class NullDetector:
    """Finds a person in every picture, without looking; may wait as if it looked."""

    name = "null"
    sight = 640

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    async def detect(self, view: View, memory: bytes | None) -> Findings:
        if self._seconds:
            await asyncio.sleep(self._seconds)
        return person_walking(view.captured_at)


class Unlooking(Examiner):
    """Takes the null detector's word for each frame: no picture is read, decoded or drawn."""

    def __init__(self, seconds: float = 0.0) -> None:
        clock = SystemClock()
        self._tracks = _tracker()
        reader = PictureReader(ContentStore(Path()))
        breaker = Breaker("detector", clock)
        super().__init__(NullDetector(), reader, self._tracks, Path(), breaker)
        self._seconds = seconds

    async def examine(self, batch: Sequence[WaitingFrame], knowledge: Knowledge) -> Examination:
        if self._seconds:
            for _ in batch:
                await asyncio.sleep(self._seconds)
        examination = Examination(tracks=tuple(knowledge.tracks.values()))
        for frame in batch:
            view = View(frame.camera_id, frame.captured_at, _NO_PIXELS)
            person = person_walking(frame.captured_at)
            sight, examination.tracks = await self._tracks.look(
                knowledge, examination.tracks, view, person.detections
            )
            examination.seen.append(Seen(frame, person, sight, FrameState.ATTACHED))
        return examination


@dataclass(slots=True)
class Finished:
    """Tells when no frame waits any more, without asking all the time."""

    database: Database
    _told: asyncio.Event

    @classmethod
    def of(cls, database: Database) -> "Finished":
        return cls(database, asyncio.Event())

    def told(self) -> None:
        """What a stage calls after each commit."""
        self._told.set()

    async def wait(self, frames_in_all: int, *, seconds: float = 120) -> None:
        """Wait until so many frames are final, and none of them in vain."""
        async with asyncio.timeout(seconds):
            while await self.number("finished_at IS NOT NULL") < frames_in_all:
                await self._told.wait()
                self._told.clear()
        attached = await self.number("state = 'attached'")
        if attached != frames_in_all:
            raise AssertionError(f"{attached} of {frames_in_all} frames attached")

    async def number(self, condition: str) -> int:
        """How many frames there are of a kind."""
        async with self.database.transaction() as session:
            query = text(f"SELECT count(*) FROM frames WHERE {condition}")
            return int(await session.scalar(query) or 0)


def ingest_of(root: Path, database: Database, bells: Bells, kept: Path) -> Ingest:
    """The shipped stage that takes files in."""
    limits = Limits(10**8, 10**8)
    intake = Intake(root, ContentStore(kept / "pictures"), limits, ZoneInfo("UTC"))
    return Ingest(intake, database, bells, SystemClock())


def looking(kept: Path, detector: Detector | None = None) -> Examiner:
    """The shipped examiner around a detector, the null detector by default: pictures are decoded,
    thumbnails drawn."""
    reader = PictureReader(ContentStore(kept / "pictures"))
    breaker = Breaker("detector", SystemClock())
    return Examiner(detector or NullDetector(), reader, _tracker(), kept / "thumbnails", breaker)


def _tracker() -> Tracker:
    enrichment = Enrichment((MovementEnricher(), ColourEnricher()), SystemClock())
    return Tracker(ZoneInfo("UTC"), enrichment)


def detection_of(
    database: Database,
    bells: Bells,
    examiner: Examiner,
    told: Callable[[], None],
    *,
    worker: str = "bench",
) -> DetectionStage:
    """The shipped stages from a waiting frame to a judged event."""
    clock = SystemClock()
    events = EventStage(EventRules(), RulesAnalyst(), clock)
    results = Results(database, events, clock, ZoneInfo("UTC"))
    return DetectionStage(Claims(database, clock, worker), examiner, results, bells, told)


@asynccontextmanager
async def running(*stages: DetectionStage) -> AsyncIterator[None]:
    """Stages at work; one that fails fails what is within, at the latest in the end."""
    tasks = [asyncio.create_task(stage.run()) for stage in stages]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


async def empty(database: Database) -> None:
    """Remove what an earlier round left, and its dead rows: all rounds begin alike."""
    async with database.transaction() as session:
        tables = "outbox, assessments, detections, frames, events, detector_memories, cameras"
        await session.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))


async def add_cameras(database: Database, number: int) -> list[int]:
    """New cameras; their ids."""
    now = datetime.now(UTC)
    async with database.transaction() as session:
        return [
            (
                await cameras.create(
                    session, folder=f"c{i}", slug=f"c{i}", name=f"c{i}", time_zone=None, now=now
                )
            ).id
            for i in range(number)
        ]


async def receive(
    database: Database,
    bells: Bells | None,
    camera_ids: Sequence[int],
    number: int,
    *,
    apart: timedelta = timedelta(seconds=1),
) -> None:
    """Put frames into the ledger, 16 of a camera at a time, and ring for each batch."""
    now = datetime.now(UTC)
    begin = now - timedelta(hours=2) - number * apart / len(camera_ids)
    for batch in range(0, number, BATCH):
        camera = camera_ids[batch // BATCH % len(camera_ids)]
        one_by_one = range(batch, min(batch + BATCH, number))
        arrivals = [_arrival(camera, i, begin + i * apart, now) for i in one_by_one]
        async with database.transaction() as session:
            await frames.receive(session, arrivals)
        if bells is not None:
            await bells.ring(str(camera), Lane.LIVE)


def _arrival(camera_id: int, i: int, captured_at: datetime, received_at: datetime) -> Arrival:
    return Arrival(
        camera_id=camera_id,
        path=f"2026/03/01/{i:08}.jpg",
        mark=FileMark(100_000, i, i),
        content_hash=hashlib.sha256(b"%d" % i).digest(),
        width=1280,
        height=720,
        received_at=received_at,
        captured_at=captured_at,
        captured_from="mtime",
        clock_suspect=False,
        found_by="watch",
    )
