"""Which detector is at work."""

from pathlib import Path

import pytest

from backend.core.errors import Invalid
from backend.services.detection.detector import Detector
from backend.services.detection.detector_service import ServicePlace, open_service
from backend.services.detection.model_detector import ModelDetector
from backend.services.detection.motion import MotionDetector
from backend.services.detection.opening import (
    breakers_of,
    close_detector,
    engine_of,
    open_detector,
)
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.onnx_models import no_objects, write_constant_model


def test_without_a_model_it_is_motion() -> None:
    detector: Detector = open_detector(None, threads=1, confidence=0.5)
    assert detector.name == "motion"


def test_a_model_is_taken_where_one_is_given(tmp_path: Path) -> None:
    path = write_constant_model(tmp_path / "small.onnx", no_objects())
    detector = open_detector(path, threads=1, confidence=0.5)
    detector.close()
    assert detector.name == "yolox:small.onnx"
    assert isinstance(detector, ModelDetector)
    assert engine_of(detector) == str(detector.engine)
    assert engine_of(MotionDetector()) is None


def test_a_model_that_is_asked_for_and_missing_is_no_reason_for_motion(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        open_detector(tmp_path / "none.onnx", threads=1, confidence=0.5)


async def test_each_kind_is_closed_and_a_service_has_breakers_of_its_own() -> None:
    place = ServicePlace(["http://a:1", "http://b:1"], sight=64, timeout=1)
    service = open_service(place, ManualClock(), confidence=0.5)
    motion = open_detector(None, threads=1, confidence=0.5)
    assert [one.name for one in breakers_of(service)] == [
        "detector http://a:1",
        "detector http://b:1",
    ]
    assert breakers_of(motion) == ()
    for detector in (service, motion):
        await close_detector(detector)
