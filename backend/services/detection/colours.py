"""An enricher that names the colours of a thing."""

import asyncio
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.domain.boxes import Box
from backend.services.detection.detector import Pixels
from backend.services.detection.enrichment import Subject

_SIDE = 32  # pixels that the crop is brought to
_MARGIN = 0.15  # of the box on each side: there is more ground than thing
_LEAST = 4  # pixels of a side
_LEAST_SHARE = 0.15
_MOST = 3
_GREY_BELOW = 40  # saturation of 255
_BLACK_BELOW, _WHITE_FROM = 50, 200  # brightness of 255
_DARK_ORANGE = 150  # brightness below which orange is called brown

# The first hue, of OpenCV's 180, that has the next name.
_HUES = ((8, "red"), (22, "orange"), (34, "yellow"), (85, "green"), (130, "blue"), (150, "purple"))
_HUES_END = ((172, "pink"), (181, "red"))
NAMES = (
    *("black", "grey", "white", "red", "orange", "brown"),
    *("yellow", "green", "blue", "purple", "pink"),
)


class ColourEnricher:
    """Counts the pixels of the middle of the box by the colour that people would call them."""

    name = "colours"
    about = "up to three colours of it, the commonest first, with their shares"

    async def enrich(self, subject: Subject) -> Mapping[str, Any] | None:
        """`{"dominant": {"blue": 0.61, "black": 0.2}}`; nothing for what is only a few pixels."""
        shares = await asyncio.to_thread(colours_of, subject.pixels, subject.detection.box)
        return {"dominant": shares} if shares else None


def colours_of(pixels: Pixels, box: Box) -> dict[str, float]:
    """The commonest colours in the middle of a box, each with its share, 0.15 to 1."""
    height, width = pixels.shape[:2]
    left, right = (box.x + box.width * side for side in (_MARGIN, 1 - _MARGIN))
    top, bottom = (box.y + box.height * side for side in (_MARGIN, 1 - _MARGIN))
    rows, columns = _pixels(top, bottom, height), _pixels(left, right, width)
    crop = pixels[rows, columns]
    if min(crop.shape[:2]) < _LEAST:
        return {}
    small = cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.uint8)
    counts = np.bincount(_named(small).ravel(), minlength=len(NAMES)) / (_SIDE * _SIDE)
    order = [int(i) for i in np.argsort(-counts, kind="stable")[:_MOST]]
    return {NAMES[i]: round(float(counts[i]), 2) for i in order if counts[i] >= _LEAST_SHARE}


def _pixels(begin: float, end: float, size: int) -> slice:
    return slice(int(begin * size), round(end * size))


def _named(pixels: Pixels) -> NDArray[np.intp]:
    """For each pixel the place of its colour among `NAMES`."""
    hue, saturation, value = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV))
    ends = [end for end, _ in (*_HUES, *_HUES_END)]
    names = np.array([NAMES.index(name) for _, name in (*_HUES, *_HUES_END)])
    named = names[np.searchsorted(ends, hue, side="right")]
    is_brown = (named == NAMES.index("orange")) & (value < _DARK_ORANGE)
    named = np.where(is_brown, NAMES.index("brown"), named)
    greys = np.select(
        [value < _BLACK_BELOW, value >= _WHITE_FROM],
        [NAMES.index("black"), NAMES.index("white")],
        NAMES.index("grey"),
    )
    is_grey = (saturation < _GREY_BELOW) | (value < _BLACK_BELOW)
    return np.where(is_grey, greys, named)
