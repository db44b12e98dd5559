"""Which detector is at work."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import structlog

from backend.core.breaker import Breaker
from backend.services.detection.detector import Detector, OpenDetector
from backend.services.detection.detector_service import ServiceDetector
from backend.services.detection.motion import MotionDetector
from backend.services.detection.process.child import ModelFile
from backend.services.detection.process.detector import ProcessDetector

log = structlog.get_logger(__name__)


async def open_detector(
    model: Path | None, *, threads: int, confidence: float, runtime: str, patience: float
) -> OpenDetector:
    """The detector in the file `model`; motion, where there is none. Close it in the end.

    `patience` are the seconds that a model may take for a picture. Raises `Invalid`, as
    `load_chosen` does, for a file that is no model: to watch on motion alone while a model was
    asked for would be a silent loss; `Unavailable` where its process does not start.
    """
    # OpenCV's own threads would compete with those of the model for the same cores.
    cv2.setNumThreads(1)
    if model is None:
        return MotionDetector()
    file = ModelFile(model, threads, confidence, runtime)
    detector = await ProcessDetector.open(file, patience=patience)
    if detector.doubt is not None:
        log.warning("the model cannot be trusted", detector=detector.name, reason=detector.doubt)
    return detector


def engine_of(detector: Detector) -> str | None:
    """What runs its model, where it runs one itself."""
    return detector.engine if isinstance(detector, ProcessDetector) else None


def breakers_of(detector: Detector) -> Sequence[Breaker]:
    """Those of its own, where it is more than one thing."""
    return detector.breakers if isinstance(detector, ServiceDetector) else ()
