"""T1: following, stillness, zones and lines of a frame beside one look of a small model at it."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import cv2
import numpy as np

from backend.core.clock import SystemClock
from backend.domain.boxes import Box, Detection
from backend.domain.drawings import Drawings
from backend.domain.lines import Line
from backend.domain.zones import Zone
from backend.services.detection.colours import ColourEnricher
from backend.services.detection.detector import Pixels, View
from backend.services.detection.enrichment import Enrichment
from backend.services.detection.movement import MovementEnricher
from backend.services.detection.tracking import Tracker, Tracks
from backend.services.stores.knowledge import Knowledge
from backend.tests.benchmarks.bench.place import Bench
from backend.tests.benchmarks.bench.rows import Goal, Row, ratios, row_of
from backend.tests.fixtures.product import SHARED_DATA

_MODEL = SHARED_DATA / "models" / "yolox_nano_dyn.onnx"
_PICTURE = SHARED_DATA / "images" / "plaza_trucks_persons.jpg"
_ABOUT = "following, stillness, zones, lines and enrichment of one frame"
_BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
_EVERY = timedelta(seconds=0.5)
_PARKED, _WALKING = 8, 2
_LOOKS, _FRAMES = 10, 60


async def measure(bench: Bench) -> list[Row]:
    """T1: seconds a frame, with ten things in it, six zones and two lines."""
    if not _MODEL.exists() or not _PICTURE.exists():
        return [Row("T1", _ABOUT, "", note="the real model (../shared/data) is not there")]
    pixels = np.asarray(cv2.imread(str(_PICTURE)), np.uint8)
    following = _Following(pixels)
    bare = _Bare(pixels, bench.some(_LOOKS))
    ours, floor = await bench.in_turns(following.seconds, bare.seconds)
    return [
        row_of(
            "T1",
            _ABOUT,
            "one bare inference of yolox_nano at 640x640, one thread",
            ratios(ours, floor),
            goal=Goal(most=1),
        )
    ]


class _Bare:
    """The model alone: its input is ready, its output is not read."""

    def __init__(self, pixels: Pixels, looks: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(_MODEL), sess_options=options, providers=["CPUExecutionProvider"]
        )
        square = cv2.resize(pixels, (640, 640)).astype(np.float32)
        name = self._session.get_inputs()[0].name
        self._feed: dict[str, Any] = {name: square.transpose(2, 0, 1)[None]}
        self._looks = looks

    async def seconds(self, _number: int) -> float:
        """How long one look takes."""
        started = time.perf_counter()
        for _ in range(self._looks):
            self._session.run(None, self._feed)
        return (time.perf_counter() - started) / self._looks


class _Following:
    """The shipped tracker over a camera with parked cars and people who walk."""

    def __init__(self, pixels: Pixels) -> None:
        enrichment = Enrichment((MovementEnricher(), ColourEnricher()), SystemClock())
        self._tracker = Tracker(ZoneInfo("UTC"), enrichment)
        self._knowledge = Knowledge(drawings=_drawings())
        self._pixels = pixels
        self._tracks: Tracks = ()
        self._at = _BEGIN

    async def seconds(self, _number: int) -> float:
        """How long a frame takes; each round goes on where the last one ended."""
        started = time.perf_counter()
        for _ in range(_FRAMES):
            self._at += _EVERY
            view = View(1, self._at, self._pixels)
            found = list(_things(self._at))
            _, self._tracks = await self._tracker.look(self._knowledge, self._tracks, view, found)
        return (time.perf_counter() - started) / _FRAMES


def _things(at: datetime) -> Iterator[Detection]:
    for number in range(_PARKED):
        yield Detection("car", 0.8, Box(0.02 + 0.12 * number, 0.3, 0.1, 0.1))
    passed = (at - _BEGIN).total_seconds()
    for number in range(_WALKING):
        x = (passed * 0.03 + 0.5 * number) % 0.9
        yield Detection("person", 0.9, Box(x, 0.5, 0.06, 0.3))


def _drawings() -> Drawings:
    zones = tuple(
        Zone(f"Zone {n}", ((n / 6, 0.2), ((n + 1) / 6, 0.2), ((n + 1) / 6, 1), (n / 6, 1)))
        for n in range(6)
    )
    lines = tuple(Line(f"Line {n}", ((n / 3, 0.0), (n / 3, 1.0))) for n in (1, 2))
    return Drawings(zones, lines)
