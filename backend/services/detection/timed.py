"""A detector of which it is known how long it takes."""

from backend.core.pace import Pace
from backend.services.detection.detector import Detector, Findings, View


class TimedDetector:
    """Another detector, timed picture by picture."""

    def __init__(self, detector: Detector, pace: Pace) -> None:
        self._detector = detector
        self._pace = pace

    @property
    def name(self) -> str:
        """The other's."""
        return self._detector.name

    @property
    def sight(self) -> int:
        """The other's."""
        return self._detector.sight

    async def detect(self, view: View, memory: bytes | None) -> Findings:
        """What the other finds."""
        with self._pace.timed():
            return await self._detector.detect(view, memory)
