"""Which detector is at work."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import structlog

from backend.core.breaker import Breaker
from backend.services.detection.choice import AUTO, load_chosen
from backend.services.detection.detector_service import ServiceDetector
from backend.services.detection.model_detector import ModelDetector
from backend.services.detection.motion import MotionDetector

log = structlog.get_logger(__name__)


def open_detector(
    model: Path | None, *, threads: int, confidence: float, runtime: str = AUTO
) -> ModelDetector | MotionDetector:
    """The detector in the file `model`; motion, where there is none. Close it in the end.

    Raises `Invalid`, as `load_chosen` does, for a file that is no model: to watch on motion alone
    while a model was asked for would be a silent loss.
    """
    # OpenCV's own threads would compete with those of the model for the same cores.
    cv2.setNumThreads(1)
    if model is None:
        return MotionDetector()
    detector = load_chosen(model, threads=threads, confidence=confidence, runtime=runtime)
    if detector.doubt is not None:
        log.warning("the model cannot be trusted", detector=detector.name, reason=detector.doubt)
    return detector


Opened = ModelDetector | MotionDetector | ServiceDetector


def breakers_of(detector: Opened) -> Sequence[Breaker]:
    """Those of its own, where it is more than one thing."""
    return detector.breakers if isinstance(detector, ServiceDetector) else ()


def engine_of(detector: Opened) -> str | None:
    """What runs its model, where it runs one itself."""
    return str(detector.engine) if isinstance(detector, ModelDetector) else None


async def close_detector(detector: Opened) -> None:
    """End what it has opened, after the picture that it is at."""
    if isinstance(detector, ServiceDetector):
        await detector.aclose()
    else:
        detector.close()
