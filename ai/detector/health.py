"""How the service is, in words and figures; asked without waiting for anything."""

import platform
import resource
from collections.abc import Callable, Mapping
from typing import Any

import cv2

from ai.detector.batcher import Batcher
from ai.detector.places import Places
from backend import __version__

_STUCK_SECONDS = 60.0
_FULL_LATELY_SECONDS = 60.0
_FAILED_IN_A_ROW = 3


class Health:
    """Looks at the parts."""

    def __init__(self, batcher: Batcher, places: Places, clock: Callable[[], float]) -> None:
        self._batcher = batcher
        self._places = places
        self._clock = clock
        self.is_running = False
        """Whether the batcher is at work; its owner says so."""

    @property
    def is_ready(self) -> bool:
        """Whether a picture would be taken now."""
        return self._ill() is None and self._places.taken < self._places.most

    def report(self) -> dict[str, Any]:
        """All that is known."""
        status, reason = self._status()
        engine = self._batcher.model.engine
        return {
            "status": status,
            "reason": reason,
            "model": self._batcher.model.name,
            "sight": self._batcher.model.sight,
            "takes_batches": self._batcher.model.takes_batches,
            "runtime": engine.runtime,
            "device": engine.device,
            "precision": engine.precision,
            "memory": {"peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024},
            "queue": {
                "places": self._places.most,
                "taken": self._places.taken,
                "waiting": self._batcher.waiting,
                "seconds_each": round(self._batcher.seconds_each, 4),
            },
            "versions": {**_VERSIONS, engine.runtime: engine.version},
        }

    def _status(self) -> tuple[str, str]:
        if ill := self._ill():
            return "unhealthy", ill
        if doubt := self._batcher.model.doubt:
            return "degraded", f"its model cannot be trusted: {doubt}"
        full_at = self._places.full_at
        if full_at is not None and self._clock() - full_at < _FULL_LATELY_SECONDS:
            return "degraded", "more pictures came within the last minute than there is room for"
        if self._batcher.failed_in_a_row:
            return "degraded", "the model failed at the last picture"
        return "healthy", "it looks at pictures"

    def _ill(self) -> str | None:
        began_at = self._batcher.began_at
        if not self.is_running:
            return "the model is not at work"
        if began_at is not None and self._clock() - began_at > _STUCK_SECONDS:
            return f"the model has been at one run for {self._clock() - began_at:.0f} s"
        if self._batcher.failed_in_a_row >= _FAILED_IN_A_ROW:
            return f"the model failed {self._batcher.failed_in_a_row} times in a row"
        return None


_VERSIONS: Mapping[str, str] = {
    "service": __version__,
    "opencv": cv2.__version__,
    "python": platform.python_version(),
}
