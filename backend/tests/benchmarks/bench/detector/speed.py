"""P4 and P5: pictures per second, JPEG in and boxes out, by each runtime that is installed."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import cv2

from backend.core.content_store import ContentStore
from backend.core.errors import HsiError
from backend.domain.frames import WaitingFrame
from backend.services.detection.detector import Detector
from backend.services.detection.opening import engine_of, open_detector
from backend.services.detection.runtimes.opening import is_installed
from backend.services.ingest.structure import read_structure
from backend.services.stores.knowledge import Knowledge
from backend.tests.benchmarks.bench.detector.pictures import BATCH, pictures_of
from backend.tests.benchmarks.bench.detector.subjects import (
    INSTALL,
    NONE_HERE,
    Subject,
    has_torch,
    subjects_of,
)
from backend.tests.benchmarks.bench.floors.session import OPENERS, BareSession, Unreadable
from backend.tests.benchmarks.bench.floors.transformers import Pipeline
from backend.tests.benchmarks.bench.place import Bench
from backend.tests.benchmarks.bench.processes import processor
from backend.tests.benchmarks.bench.rows import Goal, Pace, Row, ratios, row_of
from backend.tests.benchmarks.bench.stages import looking

_CONFIDENCE = 0.5
_PATIENCE = 60.0  # seconds for a picture, of a large model on a small machine
_PIPELINE = "the same weights by transformers' pipeline, in PyTorch as it is"


async def measure(bench: Bench) -> list[Row]:
    """The rows of each model."""
    cv2.setNumThreads(1)  # as the worker has it
    subjects = subjects_of(bench)
    if not subjects:
        return [
            Row("P4", "detector / bare session", "", note=f"not measured: {NONE_HERE}"),
            Row("P5", "detector / plain pipeline", "", note=f"not measured: {NONE_HERE}"),
        ]
    pictures = pictures_of(bench, bench.some(BATCH))
    rows = []
    for subject in subjects:
        try:
            rows += await _rows_of(subject, pictures, bench)
        except (HsiError, Unreadable) as error:  # the others are measured all the same
            rows.append(Row("P4", subject.name, "a bare session", note=f"not measured: {error}"))
    return rows


@dataclass(frozen=True, slots=True)
class _Opened:
    """One runtime: what runs the model, the product's side and the floor's."""

    engine: str
    ours: Callable[[int], Awaitable[float]]
    bare: Callable[[int], Awaitable[float]]


async def _rows_of(subject: Subject, pictures: Sequence[bytes], bench: Bench) -> list[Row]:
    folder = bench.folder / f"looked at by {subject.name}"
    async with AsyncExitStack() as stack:
        opened = []
        for runtime in (one for one in OPENERS if is_installed(one)):
            bench.say(f"loading {subject.name} by {runtime}")
            pair = _opened(subject, runtime, bench.threads, pictures, folder / runtime)
            opened.append(await stack.enter_async_context(pair))
        sides = [side for one in opened for side in (one.ours, one.bare)]
        if subject.checkpoint is not None and has_torch():
            sides.append(_by_pipeline(subject.checkpoint, bench.threads, pictures))
        values = await bench.in_turns(*sides)
    where = f"{processor()}, {bench.threads} threads"
    rows = []
    for one, ours, bare in zip(opened, values[::2], values[1::2], strict=False):
        rows.append(_beside_bare(subject, one, ours, bare, where))
        if len(values) > 2 * len(opened):
            rows.append(_beside_pipeline(subject, one, ours, values[-1], where))
    if len(values) == 2 * len(opened):
        rows.append(_without_pipeline(subject))
    return rows


@asynccontextmanager
async def _opened(
    subject: Subject, runtime: str, threads: int, pictures: Sequence[bytes], folder: Path
) -> AsyncIterator[_Opened]:
    detector = await open_detector(
        subject.file,
        threads=threads,
        confidence=_CONFIDENCE,
        runtime=runtime,
        patience=_PATIENCE,
    )
    try:
        floor = BareSession(runtime, subject.file, threads, confidence=_CONFIDENCE)
        yield _Opened(
            engine_of(detector) or "",
            as_the_worker_does(detector, pictures, folder),
            _one_after_the_other(floor, pictures),
        )
    finally:
        await detector.aclose()


def as_the_worker_does(
    detector: Detector, pictures: Sequence[bytes], folder: Path
) -> Callable[[int], Awaitable[float]]:
    """A batch through the shipped examiner: read, decoded, looked at, followed; without database.

    Gives pictures per second.
    """
    frames = [_kept(number, data, folder) for number, data in enumerate(pictures)]
    examiner = looking(folder, detector)

    async def side(_round: int) -> float:
        started = time.perf_counter()
        examination = await examiner.examine(frames, Knowledge())
        took = time.perf_counter() - started
        looked_at = [one for one in examination.seen if one.findings is not None]
        if len(looked_at) != len(frames):
            raise AssertionError(f"{len(looked_at)} of {len(frames)} pictures looked at")
        return len(frames) / took

    return side


def _kept(number: int, data: bytes, folder: Path) -> WaitingFrame:
    """A frame that a worker has claimed, its picture in the store."""
    digest, structure = hashlib.sha256(data).digest(), read_structure(data)
    ContentStore(folder / "pictures").put(digest, data)
    taken_at = datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(seconds=number)
    size = structure.width, structure.height
    return WaitingFrame(number + 1, 1, digest, taken_at, *size, attempts=1, reason=None)


def _one_after_the_other(
    floor: BareSession, pictures: Sequence[bytes]
) -> Callable[[int], Awaitable[float]]:
    widths = [read_structure(one).width for one in pictures]

    def work() -> float:
        started = time.perf_counter()
        for one, width in zip(pictures, widths, strict=True):
            floor.boxes(one, full_width=width)
        return len(pictures) / (time.perf_counter() - started)

    async def side(_round: int) -> float:
        return await asyncio.to_thread(work)

    return side


def _by_pipeline(
    checkpoint: Path, threads: int, pictures: Sequence[bytes]
) -> Callable[[int], Awaitable[float]]:
    floor = Pipeline(checkpoint, threads, confidence=_CONFIDENCE)
    few = pictures[: max(1, len(pictures) // 2)]  # it takes long, and each takes as long

    def work() -> float:
        started = time.perf_counter()
        for one in few:
            floor.boxes(one)
        return len(few) / (time.perf_counter() - started)

    async def side(_round: int) -> float:
        return await asyncio.to_thread(work)

    return side


def _beside_bare(
    subject: Subject, one: _Opened, ours: list[float], bare: list[float], where: str
) -> Row:
    runtime = one.engine.partition(" ")[0]
    return row_of(
        "P4",
        f"{subject.name} by {one.engine}: JPEG in, boxes out, as the worker looks",
        f"a bare session of {runtime}, the same pictures one after the other",
        ratios(ours, bare),
        goal=Goal(least=0.95),
        note=where,
        pace=Pace(subject.name, one.engine, median(ours), median(bare)),
    )


def _beside_pipeline(
    subject: Subject, one: _Opened, ours: list[float], theirs: list[float], where: str
) -> Row:
    is_rounded = one.engine.endswith("bf16")
    return row_of(
        "P5",
        f"{subject.name} by {one.engine}: JPEG in, boxes out, as the worker looks",
        _PIPELINE,
        ratios(ours, theirs),
        goal=Goal(least=3 if is_rounded else 1.8),
        note=where,
        pace=Pace(subject.name, one.engine, median(ours), median(theirs)),
    )


def _without_pipeline(subject: Subject) -> Row:
    why = (
        f"to compare, {INSTALL}"
        if subject.checkpoint is not None
        else "an ONNX file has no weights for PyTorch: name a checkpoint's folder instead"
    )
    return Row("P5", subject.name, _PIPELINE, note=f"not measured: {why}")
