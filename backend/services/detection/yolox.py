"""YOLOX models (Ge et al. 2021, arXiv:2107.08430), exported without decoding in the graph.

Input: float32 [N, 3, H, W], H and W multiples of 32; blue, green, red, 0..255, not normalised.
Output: float32 [N, H*W*(1/64 + 1/256 + 1/1024), 5 + classes], a row for each cell of three grids
(strides 8, 16, 32, each row by row): the centre's offset and the logarithm of the size in cells,
objectness, then a score for each class; objectness and scores are probabilities already.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.services.detection.coco import COCO_CLASSES
from backend.services.detection.detector import Pixels
from backend.services.detection.family import Classes, Feed, Tensor
from backend.services.detection.postprocess import Candidate
from backend.services.detection.prepare import letterbox_scale, letterboxed

OPEN_SIZE = 640
"""The side of the input, in pixels, where the file leaves it open; the size of its training."""

_STRIDES = (8, 16, 32)
_GREY = 114  # what YOLOX was trained with around a picture of another shape
_BEFORE_CLASSES = 5  # columns


@dataclass(frozen=True)
class YoloX:
    """A YOLOX model with an input of `width` x `height` pixels, called `input_name`."""

    input_name: str
    width: int
    height: int
    classes: Classes = COCO_CLASSES
    name: str = field(default="yolox", init=False)
    has_duplicates: bool = field(default=True, init=False)

    @property
    def sight(self) -> int:
        """The longer side of the input, in pixels."""
        return max(self.width, self.height)

    def feed(self, pixels: Pixels) -> Feed:
        """The picture, as large as fits, in the top left corner of a grey canvas."""
        planes = letterboxed(pixels, self.width, self.height, grey=_GREY)
        return {self.input_name: planes}

    def candidates(
        self, answer: Sequence[NDArray[Any]], size: tuple[int, int], confidence: float
    ) -> list[Candidate]:
        """For each cell its likeliest class. Raises `ValueError` for an answer of another shape."""
        wanted = (1, len(self._cells), _BEFORE_CLASSES + len(self.classes))
        if answer[0].shape != wanted:
            raise ValueError(f"expected {wanted}, got {answer[0].shape}")
        rows = answer[0][0]
        best = rows[:, _BEFORE_CLASSES:].argmax(
            axis=1
        )  # a NaN is the greatest to argmax, so none is lost
        with np.errstate(all="ignore"):  # what is no number is told later, by its reason
            scores = rows[:, 4] * rows[np.arange(len(rows)), _BEFORE_CLASSES + best]
        # "not below", since a NaN is neither below nor above.
        chosen = np.flatnonzero(~(scores < confidence))
        scale = letterbox_scale(*size, self.width, self.height)
        corners = self._corners(rows[chosen, :4], chosen) / (scale * np.tile(size, 2))
        return [
            Candidate(self.classes[class_index], score, *box)
            for class_index, score, box in zip(
                best[chosen].tolist(), scores[chosen].tolist(), corners.tolist(), strict=True
            )
        ]

    def _corners(
        self, encoded: NDArray[np.float32], cells: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Left, top, right and bottom, in pixels of the input."""
        x, y, stride = self._cells[cells].T
        with np.errstate(all="ignore"):
            half = np.exp(encoded[:, 2:].astype(np.float64)) * stride[:, None] / 2
            centre = (encoded[:, :2] + np.stack([x, y], axis=1)) * stride[:, None]
            return np.concatenate([centre - half, centre + half], axis=1)

    @cached_property
    def _cells(self) -> NDArray[np.float64]:
        """Column, row and stride of every cell, in the order of the output's rows."""
        grids = []
        for stride in _STRIDES:
            rows, columns = np.indices((self.height // stride, self.width // stride))
            strides = np.full(rows.size, stride)
            grids.append(np.stack([columns.ravel(), rows.ravel(), strides], axis=1))
        return np.concatenate(grids).astype(np.float64)


def recognise(
    inputs: Sequence[Tensor], outputs: Sequence[Tensor], classes: Classes
) -> YoloX | None:
    """The model, if its one input and one output have the shapes of YOLOX for these classes."""
    if len(inputs) != 1 or len(outputs) != 1:
        return None
    picture, rows = inputs[0], outputs[0]
    if picture.kind != "tensor(float)" or len(picture.shape) != 4 or len(rows.shape) != 3:
        return None
    batch, channels, height, width = picture.shape
    if batch not in {1, None} or channels != 3 or rows.shape[2] != _BEFORE_CLASSES + len(classes):
        return None
    model = YoloX(picture.name, width or OPEN_SIZE, height or OPEN_SIZE, classes)
    if model.width % max(_STRIDES) or model.height % max(_STRIDES):
        return None
    cells = sum(model.width * model.height // stride**2 for stride in _STRIDES)
    return model if rows.shape[1] in {cells, None} else None
