"""Paints a camera's privacy masks over its pictures, before anything looks at them."""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.domain.shapes import Points
from backend.services.detection.detector import Pixels

# Two pixels. OpenCV's filled polygon ends at most one pixel before those that the polygon touches;
# and a picture decoded at 1/8 is up to one pixel wider than an eighth of the whole, so that there a
# fraction of its width lies by up to one pixel elsewhere.
_MARGIN = 2
_AROUND = np.ones((2 * _MARGIN + 1, 2 * _MARGIN + 1), np.uint8)
_BITS = 8  # below the pixel


def covered(polygons: Iterable[Points], height: int, width: int) -> NDArray[np.uint8]:
    """Which pixels of a picture of this size are painted over: height x width, 255 or 0.

    Those that a polygon touches, however little, and up to three around them.
    """
    # With a rim: an outline that OpenCV takes to lie just beyond the picture is not drawn at all.
    layer = np.zeros((height + 2 * _MARGIN, width + 2 * _MARGIN), np.uint8)
    for points in polygons:
        # Whole numbers are the middles of pixels here.
        corners = np.array(points) * (width, height) - 0.5 + _MARGIN
        cv2.fillPoly(layer, [np.rint(corners * (1 << _BITS)).astype(np.int32)], 255, shift=_BITS)
    grown = np.asarray(cv2.dilate(layer, _AROUND), np.uint8)
    return grown[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]


def paint_over(pixels: Pixels, polygons: Iterable[Points]) -> None:
    """Make black, in place, what the polygons of a camera's masks cover."""
    shapes = tuple(polygons)
    if shapes:
        cv2.subtract(pixels, pixels, pixels, covered(shapes, *pixels.shape[:2]))
