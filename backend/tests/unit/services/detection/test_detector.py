"""What every detector keeps to: the shipped ones, and those that stand for them in tests."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.core.errors import Invalid, Unavailable
from backend.services.detection.detector import Detector, Findings, View
from backend.services.detection.model_detector import ModelDetector, load
from backend.services.detection.motion import MotionDetector
from backend.tests.benchmarks.bench.stages import NullDetector
from backend.tests.faults.worker import BenchDetector
from backend.tests.fixtures.detector_contract import (
    EMPTY,
    UNFIT,
    VISITED,
    DetectorContract,
    looked,
)
from backend.tests.fixtures.detectors import ScriptedDetector, found
from backend.tests.fixtures.gates import Gate, GatedDetector
from backend.tests.fixtures.onnx_models import (
    SIDE,
    BrokenFamily,
    no_queries,
    put_query,
    write_dog_model,
    write_model,
)
from backend.tests.fixtures.site import ShadeDetector


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


def model(folder: Path) -> ModelDetector:
    return load(write_dog_model(folder / "constant.onnx"), threads=1, confidence=0.5)


def queries(folder: Path) -> ModelDetector:
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
    if isinstance(made, ModelDetector):
        made.close()


class TestDetectors(DetectorContract):
    """Those that need no server."""


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
    if isinstance(detector, ModelDetector):
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
    network = model(folder)._network
    broken = BrokenFamily("images", SIDE, SIDE)
    detector = ModelDetector(network, broken, file="broken.onnx", confidence=0.5)
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
    if isinstance(made.detector, ModelDetector):
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
