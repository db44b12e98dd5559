"""Draws a camera's zones, lines and masks upon a picture, so that people see what they drew."""

from dataclasses import dataclass, field
from itertools import pairwise
from math import hypot

import cv2
import numpy as np
from anyascii import anyascii
from numpy.typing import NDArray

from backend.domain.drawings import Drawings
from backend.domain.lines import Line
from backend.domain.shapes import Points
from backend.domain.zones import Zone
from backend.services.detection.detector import Pixels
from backend.services.detection.masks import paint_over

_Colour = tuple[int, int, int]

_DARK: _Colour = (32, 32, 32)
_WHITE: _Colour = (255, 255, 255)
_GOLD: _Colour = (0, 215, 255)
_TINT = 0.25
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_over(pixels: Pixels, drawings: Drawings) -> None:
    """Draw upon a picture, in place; what is masked is black, whatever zone it lies in."""
    pen = _Pen(pixels)
    pen.tint(sorted(drawings.zones, key=lambda zone: zone.priority))
    paint_over(pixels, [mask.points for mask in drawings.masks])
    for zone in drawings.zones:
        pen.outline(zone.points, _bgr(zone.colour), closed=True)
    for mask in drawings.masks:
        pen.outline(mask.points, _WHITE, closed=True)
    for line in drawings.lines:
        pen.outline(line.points, _GOLD, closed=False)
        pen.arrow(line.points)
    # Words last, so that nothing is drawn over them.
    for zone in drawings.zones:
        pen.label(_words_of_zone(zone), _topmost(zone.points), _bgr(zone.colour))
    for mask in drawings.masks:
        pen.label(f"mask: {mask.name}", _topmost(mask.points), _WHITE)
    for line in drawings.lines:
        pen.label(_words_of_line(line), line.points[0], _GOLD)


@dataclass(slots=True)
class _Pen:
    """Draws in sizes that suit the picture."""

    pixels: Pixels
    unit: float = field(init=False)
    """About a 1280th of the longer side, in pixels."""
    labels: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Left, top, right and bottom of those that are written already."""

    def __post_init__(self) -> None:
        self.unit = max(self.pixels.shape[:2]) / 1280

    def tint(self, zones: list[Zone]) -> None:
        """Lay the zones' colours over the picture; the last is above the others."""
        layer = self.pixels.copy()
        for zone in zones:
            cv2.fillPoly(layer, [self._places(zone.points)], _bgr(zone.colour))
        cv2.addWeighted(self.pixels, 1 - _TINT, layer, _TINT, 0, self.pixels)

    def outline(self, points: Points, colour: _Colour, *, closed: bool) -> None:
        """Draw along points: a dark edge below the colour, so that it is seen on any ground."""
        for shade, more in ((_DARK, 2), (colour, 0)):
            cv2.polylines(
                self.pixels, [self._places(points)], closed, shade, self._stroke + more, cv2.LINE_AA
            )

    def arrow(self, points: Points) -> None:
        """Draw an arrow inwards over the middle of a line's longest stretch."""
        places = self._places(points).astype(float)
        start, end = max(pairwise(places), key=lambda ends: hypot(*(ends[1] - ends[0])))
        along = end - start
        inwards = np.array((-along[1], along[0])) / max(1.0, hypot(*along))
        middle = (start + end) / 2
        tail, tip = (
            tuple(np.rint(middle + inwards * way * 40 * self.unit).astype(int).tolist())
            for way in (-1, 1)
        )
        for shade, more in ((_DARK, 2), (_GOLD, 0)):
            cv2.arrowedLine(
                self.pixels, tail, tip, shade, self._stroke + more, cv2.LINE_AA, tipLength=0.35
            )

    def label(self, words: str, point: tuple[float, float], colour: _Colour) -> None:
        """Write words at a point, or as near below it as there is room; shortened to fit."""
        height, width = self.pixels.shape[:2]
        scale, pad = max(0.35, 0.6 * self.unit), max(2, round(4 * self.unit))
        words = _fitting(words, width // 2 - 4 * pad, scale)
        (long, high), below = cv2.getTextSize(words, _FONT, scale, 1)
        size = (long + 3 * pad, high + below + pad)
        left, top, right, bottom = self._free(
            (round(point[0] * width), round(point[1] * height)), size
        )
        cv2.rectangle(self.pixels, (left, top), (right, bottom), _DARK, cv2.FILLED)
        cv2.rectangle(self.pixels, (left, top), (left + pad // 2, bottom), colour, cv2.FILLED)
        at = (left + 2 * pad, bottom - below)
        weight = max(1, round(self.unit))
        cv2.putText(self.pixels, words, at, _FONT, scale, _WHITE, weight, cv2.LINE_AA)

    @property
    def _stroke(self) -> int:
        return max(1, round(2 * self.unit))

    def _places(self, points: Points) -> NDArray[np.int32]:
        height, width = self.pixels.shape[:2]
        places = np.array(points) * (width - 1, height - 1)
        return np.asarray(np.rint(places), np.int32)

    def _free(self, at: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Where a label goes: within the picture, and not upon another while there is room."""
        height, width = self.pixels.shape[:2]
        left = max(0, min(at[0], width - size[0]))
        lowest = max(0, height - size[1])
        top = min(at[1], lowest)
        for _ in range(len(self.labels)):
            hit = [one for one in self.labels if _overlap(one, left, top, size)]
            if not hit or top >= lowest:
                break
            top = min(hit[0][3] + 1, lowest)
        place = (left, top, left + size[0], top + size[1])
        self.labels.append(place)
        return place


def _overlap(one: tuple[int, int, int, int], left: int, top: int, size: tuple[int, int]) -> bool:
    beside = left > one[2] or left + size[0] < one[0]
    return not beside and top <= one[3] and top + size[1] >= one[1]


def _fitting(words: str, width: int, scale: float) -> str:
    """The words in letters that the font has, shortened to that many pixels."""
    text = anyascii(words)
    for length in range(len(text), 0, -1):
        short = text if length == len(text) else f"{text[:length]}..."
        if cv2.getTextSize(short, _FONT, scale, 1)[0][0] <= width:
            return short
    return text[:1]


def _topmost(points: Points) -> tuple[float, float]:
    return min(points, key=lambda point: (point[1], point[0]))


def _words_of_zone(zone: Zone) -> str:
    return f"{zone.name}  {zone.weight:+d}" if zone.weight else zone.name


def _words_of_line(line: Line) -> str:
    return line.name if line.inwards == "inwards" else f"{line.name} (arrow: {line.inwards})"


def _bgr(colour: str) -> _Colour:
    """A colour `#rrggbb` as OpenCV wants it."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return blue, green, red
