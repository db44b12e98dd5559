"""YOLOX models (Ge et al. 2021, arXiv:2107.08430), exported without decoding in the graph.

Input: float32 [N, 3, H, W], H and W multiples of 32; blue, green, red, 0..255, not normalised.
Output: float32 [N, H*W*(1/64 + 1/256 + 1/1024), 85], a row for each cell of three grids (strides
8, 16, 32, each row by row): the centre's offset and the logarithm of the size in cells,
objectness, then 80 class scores; objectness and scores are probabilities already.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.services.detection.coco import COCO_CLASSES
from backend.services.detection.detector import Pixels
from backend.services.detection.family import Feed, Tensor
from backend.services.detection.postprocess import Candidate

OPEN_SIZE = 640
"""The side of the input, in pixels, where the file leaves it open; the size of its training."""

_STRIDES = (8, 16, 32)
_GREY = 114  # what YOLOX was trained with around a picture of another shape
_COLUMNS = 5 + len(COCO_CLASSES)


@dataclass(frozen=True)
class YoloX:
    """A YOLOX model with an input of `width` x `height` pixels, called `input_name`."""

    input_name: str
    width: int
    height: int
    name: str = field(default="yolox", init=False)
    has_duplicates: bool = field(default=True, init=False)

    @property
    def sight(self) -> int:
        """The longer side of the input, in pixels."""
        return max(self.width, self.height)

    def feed(self, pixels: Pixels) -> Feed:
        """The picture, as large as fits, in the top left corner of a grey canvas."""
        height, width = pixels.shape[:2]
        scale = self._scale(width, height)
        inner = max(1, int(width * scale)), max(1, int(height * scale))
        canvas = np.full((self.height, self.width, 3), _GREY, np.uint8)
        canvas[: inner[1], : inner[0]] = cv2.resize(pixels, inner, interpolation=cv2.INTER_LINEAR)
        planes = np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], np.float32)
        return {self.input_name: planes}

    def candidates(
        self, answer: Sequence[NDArray[np.float32]], size: tuple[int, int], confidence: float
    ) -> list[Candidate]:
        """For each cell its likeliest class. Raises `ValueError` for an answer of another shape."""
        rows = answer[0]
        if rows.shape != (1, len(self._cells), _COLUMNS):
            raise ValueError(f"expected (1, {len(self._cells)}, {_COLUMNS}), got {rows.shape}")
        rows = rows[0]
        best = rows[:, 5:].argmax(axis=1)  # a NaN is the greatest to argmax, so none is lost
        with np.errstate(all="ignore"):  # what is no number is told later, by its reason
            scores = rows[:, 4] * rows[np.arange(len(rows)), 5 + best]
        # "not below", since a NaN is neither below nor above.
        chosen = np.flatnonzero(~(scores < confidence))
        corners = self._corners(rows[chosen, :4], chosen) / (self._scale(*size) * np.tile(size, 2))
        return [
            Candidate(COCO_CLASSES[class_index], score, *box)
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

    def _scale(self, width: int, height: int) -> float:
        """Pixels of the input for each pixel of the picture."""
        return min(self.width / width, self.height / height)

    @cached_property
    def _cells(self) -> NDArray[np.float64]:
        """Column, row and stride of every cell, in the order of the output's rows."""
        grids = []
        for stride in _STRIDES:
            rows, columns = np.indices((self.height // stride, self.width // stride))
            strides = np.full(rows.size, stride)
            grids.append(np.stack([columns.ravel(), rows.ravel(), strides], axis=1))
        return np.concatenate(grids).astype(np.float64)


def recognise(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> YoloX | None:
    """The model, if its one input and one output have the shapes of YOLOX for COCO."""
    if len(inputs) != 1 or len(outputs) != 1:
        return None
    picture, rows = inputs[0], outputs[0]
    if picture.kind != "tensor(float)" or len(picture.shape) != 4 or len(rows.shape) != 3:
        return None
    batch, channels, height, width = picture.shape
    if batch not in {1, None} or channels != 3 or rows.shape[2] != _COLUMNS:
        return None
    model = YoloX(picture.name, width or OPEN_SIZE, height or OPEN_SIZE)
    if model.width % max(_STRIDES) or model.height % max(_STRIDES):
        return None
    cells = sum(model.width * model.height // stride**2 for stride in _STRIDES)
    return model if rows.shape[1] in {cells, None} else None
