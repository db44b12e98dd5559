"""From a picture to what a model takes: one way for each kind of model, whatever runs it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.services.detection.detector import Pixels

Planes = NDArray[np.float32]
"""One picture as models take it: 1 x 3 x height x width."""


def letterboxed(pixels: Pixels, width: int, height: int, *, grey: int) -> Planes:
    """The picture, as large as fits, in the top left corner of a grey canvas.

    Blue, green, red, 0..255.
    """
    scale = letterbox_scale(pixels.shape[1], pixels.shape[0], width, height)
    inner = max(1, int(pixels.shape[1] * scale)), max(1, int(pixels.shape[0] * scale))
    canvas = np.full((height, width, 3), grey, np.uint8)
    canvas[: inner[1], : inner[0]] = cv2.resize(pixels, inner, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], np.float32)


def letterbox_scale(width: int, height: int, to_width: int, to_height: int) -> float:
    """Pixels of the canvas for each pixel of the picture."""
    return min(to_width / width, to_height / height)


def stretched(pixels: Pixels, width: int, height: int) -> Planes:
    """The picture, over the whole of the input, whatever its shape. Red, green, blue, 0..1."""
    shrinks_by = max(pixels.shape[1] / width, pixels.shape[0] / height)
    # Between every two pixels or nearer nothing falls through; means of areas take twice as long.
    how = cv2.INTER_LINEAR if shrinks_by <= 2 else cv2.INTER_AREA
    fitting = cv2.resize(pixels, (width, height), interpolation=how)
    red_first = cv2.cvtColor(fitting, cv2.COLOR_BGR2RGB)
    planes = np.ascontiguousarray(red_first.transpose(2, 0, 1)[None], np.float32)
    planes *= np.float32(1 / 255)
    return planes
