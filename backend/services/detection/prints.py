"""The print of what lies in a box: see `domain/prints.py` for what it holds and how it compares."""

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.domain.boxes import Box
from backend.domain.prints import NO_COLOUR
from backend.services.detection.detector import Pixels

_WIDTH, _HEIGHT = 32, 64  # pixels that the crop is brought to
_LEAST = 4  # pixels of a side; less shows nothing
_CONTRAST = 48.0  # bytes for one standard deviation: 2.6 of them fit on either side
_COLOUR = 80.0  # bytes for a colour that is e times as strong as green
_DARK = 16.0  # grey levels added to each colour, so that the noise of the dark has no colour
_DIRECTIONS = 8

_Numbers = NDArray[np.float32]


def print_of(pixels: Pixels, box: Box) -> bytes:
    """64 bytes; none where the box has fewer than 4 pixels on a side."""
    height, width = pixels.shape[:2]
    left, top = int(box.x * width), int(box.y * height)
    right, bottom = round((box.x + box.width) * width), round((box.y + box.height) * height)
    crop = pixels[top:bottom, left:right]
    if min(crop.shape[:2]) < _LEAST:
        return b""
    small = cv2.resize(crop, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
    grey = small.mean(axis=2)
    return _light(grey) + _colour(small) + _edges(grey)


def _light(grey: _Numbers) -> bytes:
    cells = cv2.resize(grey, (4, 8), interpolation=cv2.INTER_AREA).astype(np.float32)
    spread = max(float(cells.std()), 3.0)  # grey levels; a wall in the dark has no pattern
    return _bytes(128 + _CONTRAST * (cells - cells.mean()) / spread)


def _colour(small: _Numbers) -> bytes:
    cells = cv2.resize(small, (2, 4), interpolation=cv2.INTER_AREA).astype(np.float32) + _DARK
    against_green = np.log(cells[..., [0, 2]] / cells[..., [1]])
    return _bytes(NO_COLOUR + _COLOUR * against_green)


def _edges(grey: _Numbers) -> bytes:
    across = np.diff(grey, axis=1)[:-1]
    down = np.diff(grey, axis=0)[:, :-1]
    strength = np.hypot(across, down)
    # A direction and its opposite are one: an edge from dark to light, or from light to dark.
    turned = np.mod(np.arctan2(down, across), np.pi) * (_DIRECTIONS / np.pi)
    bins = np.minimum(turned.astype(np.intp), _DIRECTIONS - 1)
    half = (np.arange(bins.shape[0]) >= bins.shape[0] // 2).astype(np.intp) * _DIRECTIONS
    sums = np.bincount((bins + half[:, None]).ravel(), strength.ravel(), 2 * _DIRECTIONS)
    return _bytes(255 * sums / max(float(sums.sum()), 1.0))


def _bytes(numbers: NDArray[np.floating]) -> bytes:
    rounded: NDArray[np.uint8] = np.clip(np.rint(numbers), 0, 255).astype(np.uint8)
    return rounded.tobytes()
