"""Which detector is at work; with a model, see `integration/services/detection/process`."""

from backend.services.detection.detector_service import ServicePlace, open_service
from backend.services.detection.opening import breakers_of, engine_of, open_detector
from backend.tests.fixtures.clock import ManualClock


async def test_without_a_model_it_is_motion() -> None:
    detector = await open_detector(None, threads=1, confidence=0.5, runtime="auto", patience=1)
    assert detector.name == "motion"
    assert (breakers_of(detector), engine_of(detector)) == ((), None)
    await detector.aclose()


async def test_a_service_has_breakers_of_its_own() -> None:
    place = ServicePlace(["http://a:1", "http://b:1"], sight=64, timeout=1)
    service = open_service(place, ManualClock(), confidence=0.5)
    assert [one.name for one in breakers_of(service)] == [
        "detector http://a:1",
        "detector http://b:1",
    ]
    await service.aclose()
