"""The product's own detector around a model that answers at once: one person, without looking.

    python -m backend.tests.benchmarks.bench.detector.null PORT SIDE

serves it as `ai.detector` serves a model. All but the run of the model is the product's.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.services.detection.coco import COCO_CLASSES
from backend.services.detection.family import Feed, Tensor
from backend.services.detection.model_detector import ModelDetector
from backend.services.detection.rtdetr import RtDetr
from backend.services.detection.runtimes.network import Engine

_QUERIES = 300  # as RT-DETR has them
_UNSURE, _SURE = -6.0, 4.0


class NullNetwork:
    """Gives each picture the same answer, as RT-DETR writes it."""

    engine = Engine("none", "1", "nothing", "f32")
    metadata: Mapping[str, str] = {}

    def __init__(self, side: int) -> None:
        classes = len(COCO_CLASSES)
        self.inputs: Sequence[Tensor] = [Tensor("x", "tensor(float)", (None, 3, side, side))]
        self.outputs: Sequence[Tensor] = [
            Tensor("logits", "tensor(float)", (None, _QUERIES, classes)),
            Tensor("pred_boxes", "tensor(float)", (None, _QUERIES, 4)),
        ]
        self._logits = np.full((1, _QUERIES, classes), _UNSURE, np.float32)
        self._logits[0, 0, COCO_CLASSES.index("person")] = _SURE
        self._boxes = np.full((1, _QUERIES, 4), 0.5, np.float32)

    def run(self, feed: Feed) -> list[NDArray[Any]]:
        """A person in the middle, for each picture."""
        pictures = len(feed["x"])
        return [np.repeat(one, pictures, axis=0) for one in (self._logits, self._boxes)]


def null_detector(side: int) -> ModelDetector:
    """A detector of pictures of this side that does all but run a model."""
    family = RtDetr("x", side, side, COCO_CLASSES, 0, 1)
    return ModelDetector(NullNetwork(side), family, file="null", confidence=0.5)


if __name__ == "__main__":
    from ai.detector.__main__ import run, serve
    from ai.detector.settings import DetectorSettings

    cv2.setNumThreads(1)
    port, side = map(int, sys.argv[1:])
    # Several in one run, as where there is a GPU: that is where what HTTP adds matters.
    settings = DetectorSettings(model=Path("null"), port=port, batch=8)
    run(serve(settings, null_detector(side)))
