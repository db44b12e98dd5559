"""Polygons and lines that people draw on a camera's picture.

A point is x and y as fractions of the upright picture, from its top left corner. Everything is
reckoned in whole millionths of the picture, so that what lies on an edge lies there exactly,
however its numbers came about, and what is asked twice is answered alike.

`polygon` and `polyline` read what somebody sent. What they say of a fault continues a sentence that
begins with the field's name, and counts points from 1.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations

import shapely

from backend.domain.boxes import Box

GRID = 1_000_000

MOST_CORNERS = 64
"""Of a polygon: enough for a winding path, and few enough to be looked at in microseconds."""

MOST_BENDS = 16
"""Points of a line, its ends included."""

Point = tuple[float, float]
Points = tuple[Point, ...]
GridPoint = tuple[int, int]


def polygon(raw: object) -> Points:
    """The corners of a polygon, as they are kept: rounded to six places.

    Raises `ValueError` with what is wrong, where that is no polygon with an area.
    """
    points = _distinct_points(raw, least=3, most=MOST_CORNERS, closed=True)
    ring = [on_grid(point) for point in points]
    if all(turn(ring[0], ring[1], corner) == 0 for corner in ring):
        raise ValueError("must have an area: all its points lie on one line")
    if not shapely.is_valid(shapely.Polygon(ring)):
        raise ValueError(_where_it_crosses([*ring, ring[0]]))
    return points


def polyline(raw: object) -> Points:
    """The points of a line from end to end, as they are kept: rounded to six places.

    Raises `ValueError` with what is wrong, where that is no line, or one that meets itself.
    """
    points = _distinct_points(raw, least=2, most=MOST_BENDS, closed=False)
    bends = [on_grid(point) for point in points]
    if not shapely.is_simple(shapely.LineString(bends)):
        raise ValueError(_where_it_crosses(bends))
    return points


def contains(corners: Points, point: Point) -> bool:
    """Whether a point lies within a polygon or on its edge."""
    return bool(shapely.intersects_xy(_area(corners), *on_grid(point)))


def share_within(corners: Points, box: Box) -> float:
    """The share of a box's area that lies within a polygon, 0..1; 0 for a box without area."""
    left, top = on_grid((box.x, box.y))
    right, bottom = on_grid((box.x + box.width, box.y + box.height))
    if left == right or top == bottom:
        return 0.0
    seen = shapely.box(left, top, right, bottom)
    return float(shapely.intersection(_area(corners), seen).area / seen.area)


def on_grid(point: Point) -> GridPoint:
    """The point in whole millionths of the picture."""
    return round(point[0] * GRID), round(point[1] * GRID)


def turn(a: GridPoint, b: GridPoint, c: GridPoint) -> int:
    """Where `c` is for somebody who looks from `a` to `b` on the picture.

    Above 0: at the right hand; below 0: at the left; 0: straight ahead or behind. Exact.
    """
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


@lru_cache(maxsize=4096)
def _area(corners: Points) -> shapely.Polygon:
    return shapely.Polygon([on_grid(corner) for corner in corners])


def _distinct_points(raw: object, *, least: int, most: int, closed: bool) -> Points:
    if isinstance(raw, str) or not isinstance(raw, Sequence):
        raise ValueError("must be a list of points")  # noqa: TRY004 - pydantic takes ValueError
    if not least <= len(raw) <= most:
        raise ValueError(f"must have {least} to {most} points, got {len(raw)}")
    points = tuple(_point(number, one) for number, one in enumerate(raw, 1))
    for (number, first), (later, second) in combinations(enumerate(points, 1), 2):
        if first == second:
            hint = (
                " (it closes by itself)" if closed and (number, later) == (1, len(points)) else ""
            )
            raise ValueError(f"must not have a point twice: {later} is where {number} is{hint}")
    return points


def _point(number: int, raw: object) -> Point:
    if isinstance(raw, str) or not isinstance(raw, Sequence) or len(raw) != 2:
        raise ValueError(f"point {number} must be two numbers, x and y")
    return _coordinate(number, "x", raw[0]), _coordinate(number, "y", raw[1])


def _coordinate(number: int, axis: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124
        raise ValueError(f"point {number} must have a number as its {axis}")
    if not 0 <= value <= 1:
        raise ValueError(
            f"point {number} must lie on the picture: its {axis} is a fraction in 0..1, not pixels"
        )
    return round(value * GRID) / GRID


def _where_it_crosses(points: Sequence[GridPoint]) -> str:
    """In words, the first two stretches that meet where they should not."""
    first, second = next(_meetings(points))
    corners = len(set(points))
    words = [
        f"from point {stretch + 1} to {(stretch + 1) % corners + 1}" for stretch in (first, second)
    ]
    return f"must not cross or touch itself: {words[0]} it meets itself {words[1]}"


def _meetings(points: Sequence[GridPoint]) -> Iterator[tuple[int, int]]:
    """The stretches (counted from 0) that share more than the point between two neighbours."""
    stretches = [shapely.LineString(points[i : i + 2]) for i in range(len(points) - 1)]
    last = len(stretches) - 1
    for (i, one), (j, other) in combinations(enumerate(stretches), 2):
        neighbours = j == i + 1 or (points[0] == points[-1] and (i, j) == (0, last))
        shared = shapely.intersection(one, other)
        if shared.length > 0 if neighbours else not shared.is_empty:
            yield i, j
