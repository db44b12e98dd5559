"""Which detector is at work."""

from pathlib import Path

import cv2
import structlog

from backend.services.detection import onnx
from backend.services.detection.motion import MotionDetector
from backend.services.detection.onnx import OnnxDetector

log = structlog.get_logger(__name__)


def open_detector(
    model: Path | None, *, threads: int, confidence: float
) -> OnnxDetector | MotionDetector:
    """The detector in the file `model`; motion, where there is none. Close it in the end.

    Raises `Invalid`, as `onnx.load` does, for a file that is no model: to watch on motion alone
    while a model was asked for would be a silent loss.
    """
    # OpenCV's own threads would compete with those of the model for the same cores.
    cv2.setNumThreads(1)
    if model is None:
        return MotionDetector()
    detector = onnx.load(model, threads=threads, confidence=confidence)
    if detector.doubt is not None:
        log.warning("the model cannot be trusted", detector=detector.name, reason=detector.doubt)
    return detector
