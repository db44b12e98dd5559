"""Boxes, and what was found in them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backend.domain.signs import NO_SIGNS, Signs

_EDGE = 0.01  # of the picture


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a picture, as fractions of its width and height, from the top left corner.

    All four numbers lie in 0..1, and so do the right and the lower edge.
    """

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """The share of the picture that the box covers, 0..1."""
        return self.width * self.height


def overlap(a: Box, b: Box) -> float:
    """Intersection over union, 0..1."""
    shared = _shared(a, b)
    return shared / (a.area + b.area - shared) if shared else 0.0


def share_inside(inner: Box, outer: Box) -> float:
    """How much of the first box lies within the second, 0..1."""
    return _shared(inner, outer) / inner.area


def _shared(a: Box, b: Box) -> float:
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    return width * height if width > 0 and height > 0 else 0.0


def is_at_edge(box: Box) -> bool:
    """Whether the picture's edge may hide a part of what is in the box."""
    return min(box.x, box.y) < _EDGE or max(box.x + box.width, box.y + box.height) > 1 - _EDGE


def clip_box(x1: float, y1: float, x2: float, y2: float) -> Box | None:
    """The part of a rectangle (corners, as fractions) that lies on the picture.

    None for what is no box on this picture: a corner that is not a number or infinite,
    no area, or wholly outside.
    """
    if not all(map(math.isfinite, (x1, y1, x2, y2))):
        return None
    left, top = min(max(x1, 0.0), 1.0), min(max(y1, 0.0), 1.0)
    right, bottom = min(max(x2, 0.0), 1.0), min(max(y2, 0.0), 1.0)
    if right <= left or bottom <= top:
        return None
    return Box(left, top, right - left, bottom - top)


@dataclass(frozen=True, slots=True)
class Detection:
    """One object found in one frame.

    `confidence` is in 0..1. `alternatives` are the other classes that were seen on the same
    object, each with its confidence: a van can look like a car and like a truck. What comes after
    is known once it has been followed: the id of its track, its signs, and what enrichers gave.
    """

    class_name: str
    confidence: float
    box: Box
    alternatives: tuple[tuple[str, float], ...] = ()
    track_id: int | None = None
    signs: Signs = NO_SIGNS
    enrichment: Mapping[str, Any] = field(default_factory=dict, hash=False)


def foot_point(box: Box) -> tuple[float, float]:
    """Where what is in the box stands: the middle of its lower edge."""
    return box.x + box.width / 2, min(1.0, box.y + box.height)
