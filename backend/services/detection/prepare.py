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
    fitting = _resized(_resized(pixels, width, pixels.shape[0]), width, height)
    # By OpenCV, which takes a third of the time that NumPy takes for the same.
    return cv2.dnn.blobFromImage(fitting, 1 / 255, swapRB=True).astype(np.float32, copy=False)


def _resized(pixels: Pixels, width: int, height: int) -> Pixels:
    """Along one side: made smaller by means of areas, so that nothing thin is missed.

    One side at a time, since OpenCV does so only where neither side grows.
    """
    shrinks = height < pixels.shape[0] or width < pixels.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(pixels, (width, height), interpolation=how).astype(np.uint8, copy=False)
