"""A detector is timed, and is otherwise as it is."""

import numpy as np

from backend.core.pace import Pace
from backend.services.detection.detector import Findings, View
from backend.services.detection.timed import TimedDetector
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.detectors import found
from backend.tests.fixtures.ledger import NOON


class SlowDetector:
    """Takes two seconds, and gives its memory back."""

    name = "slow"
    sight = 64

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    async def detect(self, view: View, memory: bytes | None) -> Findings:
        self._clock.advance(2)
        return Findings(found("person").detections, memory=memory)


async def test_three_slow_pictures_are_known_to_be_slow() -> None:
    clock = ManualClock()
    pace = Pace(clock, limit=1.0)
    detector = TimedDetector(SlowDetector(clock), pace)
    assert (detector.name, detector.sight) == ("slow", 64)
    view = View(1, NOON, np.zeros((2, 2, 3), np.uint8))
    for _ in range(3):
        assert pace.slowness is None
        assert await detector.detect(view, b"known") == Findings(
            found("person").detections, memory=b"known"
        )
    assert pace.slowness is not None
    assert pace.slowness.seconds == 2.0
