"""What every detector keeps to: the shipped ones, and those that stand for them in tests."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.core.errors import Invalid, Unavailable
from backend.domain.classes import GROUPS
from backend.services.detection.detector import Detector, Findings, Pixels, View
from backend.services.detection.motion import MotionDetector
from backend.services.detection.onnx import OnnxDetector, load
from backend.tests.benchmarks.bench.stages import NullDetector
from backend.tests.faults.worker import BenchDetector
from backend.tests.fixtures.detectors import ScriptedDetector, found
from backend.tests.fixtures.gates import Gate, GatedDetector
from backend.tests.fixtures.ledger import NOON
from backend.tests.fixtures.onnx_models import (
    SIDE,
    BrokenFamily,
    no_objects,
    no_queries,
    put_object,
    put_query,
    write_constant_model,
    write_model,
)
from backend.tests.fixtures.site import ShadeDetector

SECOND = timedelta(seconds=1)


def scene(*, visitor: bool, width: int = 64, height: int = 48, shade: int = 70) -> Pixels:
    """A grey yard; a visitor fills half of a large box, and brings what fills all of its own."""
    pixels = np.full((height, width, 3), shade, np.uint8)
    if visitor:
        pixels[height // 4 : 3 * height // 4, width // 8 : width // 4] = 110
        pixels[5 * height // 8 : 3 * height // 4, width // 8 : width // 2] = 110
        pixels[height // 8 : height // 4, 3 * width // 4 : 7 * width // 8] = 110
    pixels.setflags(write=False)
    return pixels


EMPTY = View(1, NOON, scene(visitor=False))
VISITED = View(1, NOON + SECOND, scene(visitor=True))
UNFIT = View(1, NOON + 2 * SECOND, scene(visitor=False, shade=220))


def scripted() -> ScriptedDetector:
    """Sees the visitor, and fails at what is unfit."""
    answer = Findings((*found("dog").detections, *found("person", confidence=0.4).detections))
    return ScriptedDetector(
        {
            EMPTY.captured_at: Findings((), remark="quiet", memory=b"scene"),
            VISITED.captured_at: replace(answer, dropped={"empty": 1}, memory=b"scene"),
            UNFIT.captured_at: Invalid("unfit", code="picture.unfit"),
        }
    )


def model(folder: Path) -> OnnxDetector:
    """A real one that sees a dog, a less sure person, and a chair, which does not matter."""
    rows = no_objects()
    for cell, class_index, score in ((0, 0, 0.6), (27, 16, 0.75), (45, 56, 0.9)):
        put_object(rows, cell, class_index, score)
    path = write_constant_model(folder / "constant.onnx", rows)
    return load(path, threads=1, confidence=0.5)


def queries(folder: Path) -> OnnxDetector:
    """The same of the other family."""
    answer = no_queries()
    for query, class_index, score in ((0, 0, 0.6), (1, 16, 0.75), (2, 56, 0.9)):
        put_query(answer, query, class_index, score, (0.1 + 0.2 * query, 0.5, 0.1, 0.2))
    return load(write_model(folder / "queries.onnx", answer), threads=1, confidence=0.5)


def gated() -> GatedDetector:
    return GatedDetector(scripted(), Gate())


MADE: dict[str, Callable[[Path], Detector]] = {
    "onnx": model,
    "rtdetr": queries,
    "motion": lambda _: MotionDetector(),
    "scripted": lambda _: scripted(),
    "shades": lambda _: ShadeDetector(),
    "gated": lambda _: gated(),
    "of the fault bench": lambda folder: BenchDetector(folder / "temper"),
    "of the benchmarks": lambda _: NullDetector(),
}


@pytest.fixture(params=MADE)
def detector(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Detector]:
    made = MADE[request.param](tmp_path)
    yield made
    if isinstance(made, OnnxDetector):
        made.close()


async def looked(detector: Detector) -> tuple[Findings, Findings]:
    """What it finds in the empty yard, and then in the visited one."""
    first = await detector.detect(EMPTY, None)
    return first, await detector.detect(VISITED, first.memory)


async def test_it_has_a_name_and_a_sight_that_stay(detector: Detector) -> None:
    name, sight = detector.name, detector.sight
    assert isinstance(name, str)
    assert name.strip() == name != ""
    assert name.isprintable()
    assert isinstance(sight, int)
    assert sight > 0
    await looked(detector)
    assert (detector.name, detector.sight) == (name, sight)


async def test_what_it_finds_lies_on_the_picture_and_matters(detector: Detector) -> None:
    _, findings = await looked(detector)
    assert findings.detections, "it sees the visitor"
    for detection in findings.detections:
        assert detection.class_name in GROUPS
        assert 0 < detection.confidence <= 1
        box = detection.box
        assert 0 <= box.x < box.x + box.width <= 1 + 1e-9
        assert 0 <= box.y < box.y + box.height <= 1 + 1e-9


async def test_the_surest_comes_first(detector: Detector) -> None:
    _, findings = await looked(detector)
    surest = [detection.confidence for detection in findings.detections]
    assert surest == sorted(surest, reverse=True)


async def test_what_it_says_beside_can_be_stored(detector: Detector) -> None:
    for findings in await looked(detector):
        assert isinstance(findings.detections, tuple)
        assert all(reason and number > 0 for reason, number in findings.dropped.items())
        assert findings.remark is None or (findings.remark and not findings.detections)
        assert findings.memory is None or isinstance(findings.memory, bytes)


async def test_it_keeps_nothing_itself(detector: Detector) -> None:
    """What it learns is in the memory that it gives: the same question has the same answer."""
    first, second = await looked(detector)
    assert await detector.detect(VISITED, first.memory) == second
    assert await detector.detect(EMPTY, None) == first


async def test_cameras_know_nothing_of_each_other(detector: Detector) -> None:
    first, _ = await looked(detector)
    assert await detector.detect(replace(EMPTY, camera_id=2), None) == first


async def test_the_picture_is_left_as_it_was(detector: Detector) -> None:
    """The thumbnail is drawn from the same pixels afterwards."""
    view = replace(VISITED, pixels=VISITED.pixels.copy())  # which can be written to
    first = await detector.detect(EMPTY, None)
    await detector.detect(view, first.memory)
    assert np.array_equal(view.pixels, VISITED.pixels)


async def test_the_scale_does_not_matter(detector: Detector) -> None:
    """As many things, at about the same places, whatever a picture was decoded to."""
    _, findings = await looked(detector)
    large = {visitor: scene(visitor=visitor, width=256, height=192) for visitor in (False, True)}
    first = await detector.detect(replace(EMPTY, pixels=large[False]), None)
    again = await detector.detect(replace(VISITED, pixels=large[True]), first.memory)
    for one, other in zip(findings.detections, again.detections, strict=True):
        assert other.class_name == one.class_name
        assert (other.box.x, other.box.y) == pytest.approx((one.box.x, one.box.y), abs=0.05)


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1)])
async def test_a_picture_of_any_shape_is_one(detector: Detector, size: tuple[int, int]) -> None:
    width, height = size
    view = replace(EMPTY, pixels=scene(visitor=False, width=width, height=height))
    findings = await detector.detect(view, None)
    assert await detector.detect(view, None) == findings


async def test_asked_at_the_same_time_each_gets_its_own_answer(detector: Detector) -> None:
    first, second = await looked(detector)
    both = await asyncio.gather(
        detector.detect(VISITED, first.memory), detector.detect(EMPTY, None)
    )
    assert list(both) == [second, first]


class Watched(np.ndarray[tuple[int, ...], np.dtype[np.uint8]]):
    """Pixels that know which threads asked for their shape."""

    def __array_finalize__(self, whole: object) -> None:
        self.threads: set[int] = set()

    @property  # type: ignore[misc] # of NumPy's, only the getter is wanted
    def shape(self) -> Any:
        self.threads.add(threading.get_ident())
        return super().shape


@pytest.mark.parametrize("name", ["onnx", "motion"])
async def test_a_shipped_one_looks_in_another_thread(name: str, tmp_path: Path) -> None:
    """The event loop is not held up meanwhile."""
    detector = model(tmp_path) if name == "onnx" else MotionDetector()
    pixels = VISITED.pixels.view(Watched)
    await detector.detect(replace(VISITED, pixels=pixels), None)
    detector.close()
    assert len(pixels.threads) == 1
    assert threading.get_ident() not in pixels.threads


# --- Those that can fail.


@dataclass(frozen=True, slots=True)
class Failing:
    """A detector, what it fails at, and how."""

    detector: Detector
    view: View
    kind: type[Invalid | Unavailable]


def without_a_model(folder: Path) -> Failing:
    session = model(folder)._session
    broken = BrokenFamily("images", SIDE, SIDE)
    detector = OnnxDetector(session, broken, file="broken.onnx", confidence=0.5)
    return Failing(detector, EMPTY, Unavailable)


def without_shades(_: Path) -> Failing:
    detector = ShadeDetector()
    detector.available = False
    return Failing(detector, EMPTY, Unavailable)


def without_a_bench(folder: Path) -> Failing:
    (folder / "temper").write_text("away")
    return Failing(BenchDetector(folder / "temper"), EMPTY, Unavailable)


FAILING: dict[str, Callable[[Path], Failing]] = {
    "onnx": without_a_model,
    "scripted": lambda _: Failing(scripted(), UNFIT, Invalid),
    "shades": lambda _: Failing(ShadeDetector(), UNFIT, Invalid),
    "shades, gone": without_shades,
    "gated": lambda _: Failing(gated(), UNFIT, Invalid),
    "of the fault bench": without_a_bench,
}


@pytest.fixture(params=FAILING)
def failing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Failing]:
    made = FAILING[request.param](tmp_path)
    yield made
    if isinstance(made.detector, OnnxDetector):
        made.detector.close()


async def test_it_fails_by_an_expected_error_every_time(failing: Failing) -> None:
    for _ in range(2):
        with pytest.raises(failing.kind) as caught:
            await failing.detector.detect(failing.view, None)
        assert caught.value.code
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["scripted", "shades", "gated"])
async def test_after_a_picture_that_is_unfit_it_looks_on(name: str, tmp_path: Path) -> None:
    detector = MADE[name](tmp_path)
    first, second = await looked(detector)
    with pytest.raises(Invalid):
        await detector.detect(UNFIT, first.memory)
    assert await detector.detect(VISITED, first.memory) == second
