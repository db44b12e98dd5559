"""Which detector is at work."""

from pathlib import Path

import cv2

from backend.services.detection import onnx
from backend.services.detection.motion import MotionDetector
from backend.services.detection.onnx import OnnxDetector


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
    return onnx.load(model, threads=threads, confidence=confidence)
