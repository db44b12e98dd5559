"""Polygons and lines: what is refused, and what holds however they lie on the picture."""

import math
import re
from collections.abc import Callable

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.boxes import Box
from backend.domain.shapes import (
    MOST_BENDS,
    MOST_CORNERS,
    Point,
    Points,
    contains,
    on_grid,
    polygon,
    polyline,
    share_within,
)
from backend.tests.fixtures.strategies import boxes
from backend.tests.fixtures.zone_strategies import (
    coarse_points,
    drawings,
    fine_points,
    polygons,
    stars,
)

SQUARE: Points = ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
BOW_TIE = [(0.2, 0.2), (0.8, 0.8), (0.8, 0.2), (0.2, 0.8)]

REFUSED: dict[str, tuple[object, str]] = {
    "no list": ("0,0 1,1", "must be a list of points"),
    "nothing": (None, "must be a list of points"),
    "too few": ([(0, 0), (1, 1)], f"must have 3 to {MOST_CORNERS} points, got 2"),
    "too many": ([(0, 0)] * 65, f"must have 3 to {MOST_CORNERS} points, got 65"),
    "no pair": ([(0, 0), (0, 1), (1, 1, 1)], "point 3 must be two numbers, x and y"),
    "a text": ([(0, 0), "01", (1, 1)], "point 2 must be two numbers, x and y"),
    "no number": ([(0, 0), (0, None), (1, 1)], "point 2 must have a number as its y"),
    "not a number": ([(math.nan, 0), (0, 1), (1, 1)], "point 1 must have a number as its x"),
    "a truth": ([(0, 0), (0, True), (1, 1)], "point 2 must have a number as its y"),
    "infinite": (
        [(0, 0), (0, 1), (math.inf, 1)],
        "point 3 must lie on the picture: its x is a fraction in 0..1, not pixels",
    ),
    "pixels": (
        [(0, 0), (0, 10**400), (1, 1)],
        "point 2 must lie on the picture: its y is a fraction in 0..1, not pixels",
    ),
    "hardly outside": (
        [(0, 0), (-1e-9, 1), (1, 1)],
        "point 2 must lie on the picture: its x is a fraction in 0..1, not pixels",
    ),
    "a point twice": (
        [(0, 0), (0.5, 0), (0.5, 1e-7), (0, 1)],
        "must not have a point twice: 3 is where 2 is",
    ),
    "closed by hand": (
        [*SQUARE, SQUARE[0]],
        "must not have a point twice: 5 is where 1 is (it closes by itself)",
    ),
    "a line": (
        [(0.1, 0.1), (0.3, 0.3), (0.2, 0.2)],
        "must have an area: all its points lie on one line",
    ),
    "a bow tie": (
        BOW_TIE,
        "must not cross or touch itself: from point 1 to 2 it meets itself from point 3 to 4",
    ),
    "crosses where it closes": (
        [(0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8)],
        "must not cross or touch itself: from point 2 to 3 it meets itself from point 4 to 1",
    ),
    "touches itself": (
        [(0, 0), (1, 0), (1, 1), (0.5, 0), (0, 1)],
        "must not cross or touch itself: from point 1 to 2 it meets itself from point 3 to 4",
    ),
    "goes back": (
        [(0.2, 0.2), (0.8, 0.2), (0.5, 0.2), (0.5, 0.8)],
        "must not cross or touch itself: from point 1 to 2 it meets itself from point 2 to 3",
    ),
}


@pytest.mark.parametrize(("raw", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_polygon(raw: object, words: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        polygon(raw)


REFUSED_LINES: dict[str, tuple[object, str]] = {
    "one point": ([(0, 0)], f"must have 2 to {MOST_BENDS} points, got 1"),
    "too many": ([(0, 0)] * 17, f"must have 2 to {MOST_BENDS} points, got 17"),
    "no length": ([(0, 0), (0, 0)], "must not have a point twice: 2 is where 1 is"),
    "a ring": ([*SQUARE, SQUARE[0]], "must not have a point twice: 5 is where 1 is"),
    "crosses itself": (
        BOW_TIE,
        "must not cross or touch itself: from point 1 to 2 it meets itself from point 3 to 4",
    ),
    "goes back": (
        [(0, 0), (1, 0), (0.5, 0)],
        "must not cross or touch itself: from point 1 to 2 it meets itself from point 2 to 3",
    ),
}


@pytest.mark.parametrize(("raw", "words"), REFUSED_LINES.values(), ids=REFUSED_LINES)
def test_what_is_no_line(raw: object, words: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        polyline(raw)


def test_points_are_kept_to_six_places() -> None:
    assert polygon([[0, -0.0], [0.12345678, 1], (1.0, 0)]) == ((0, 0), (0.123457, 1), (1, 0))
    assert polyline([[0.1, 0.30000000000000004], [1, 1]]) == ((0.1, 0.3), (1, 1))


@given(drawings)
def test_a_polygon_is_what_the_library_calls_one(points: list[Point]) -> None:
    ring = [on_grid(point) for point in points]
    distinct = len(set(points)) == len(points) >= 3
    assert is_read(polygon, points) == (distinct and shapely.Polygon(ring).is_valid)


@given(drawings)
def test_a_line_is_what_the_library_calls_a_simple_one(points: list[Point]) -> None:
    distinct = len(set(points)) == len(points)
    assert is_read(polyline, points) == (distinct and shapely.LineString(points).is_simple)


@given(polygons)
def test_what_was_read_is_read_again_as_it_is(points: Points) -> None:
    assert polygon(list(points)) == points


def is_read(read: Callable[[object], Points], points: list[Point]) -> bool:
    try:
        read(points)
    except ValueError:
        return False
    return True


def test_the_edge_and_the_corners_belong_to_a_polygon() -> None:
    assert contains(SQUARE, (0.2, 0.5))
    assert contains(SQUARE, (0.8, 0.8))
    assert 0.1 + 0.7 < 0.8
    assert contains(((0.8, 0), (1, 0), (1, 0.8), (0.8, 0.8)), (0.1 + 0.7, 0.5))
    assert not contains(SQUARE, (0.199999, 0.5))


def test_a_hollow_does_not_belong_to_a_polygon() -> None:
    horseshoe = ((0, 0), (0.4, 0), (0.4, 0.8), (0.6, 0.8), (0.6, 0), (1, 0), (1, 1), (0, 1))
    assert not contains(horseshoe, (0.5, 0.5))
    assert contains(horseshoe, (0.5, 0.9))
    assert share_within(horseshoe, Box(0, 0, 1, 0.5)) == pytest.approx(0.8)


def test_the_share_of_a_box_within() -> None:
    assert share_within(SQUARE, Box(0.3, 0.3, 0.2, 0.2)) == 1
    assert share_within(SQUARE, Box(0.1, 0.3, 0.2, 0.2)) == pytest.approx(0.5)
    assert share_within(SQUARE, Box(0.1, 0.1, 0.1, 0.1)) == 0
    assert share_within(SQUARE, Box(0.5, 0.5, 1e-9, 0.1)) == 0


# --- However it lies on the picture.

Move = Callable[[Point], Point]


def shrunk(to: Point) -> Move:
    """To half its size, then away from the corner by these eighths of the picture."""
    return lambda point: (point[0] / 2 + to[0] / 2, point[1] / 2 + to[1] / 2)


moves: st.SearchStrategy[Move] = st.sampled_from(
    [
        lambda point: (1 - point[0], point[1]),
        lambda point: (point[0], 1 - point[1]),
        lambda point: (point[1], point[0]),
    ]
) | coarse_points.map(shrunk)


@given(polygons, coarse_points | fine_points, moves)
def test_zone_and_point_move_together(points: Points, point: Point, move: Move) -> None:
    moved = tuple(move(corner) for corner in points)
    assert contains(moved, move(point)) == contains(points, point)


@given(polygons, boxes(), moves)
def test_zone_and_box_move_together(points: Points, box: Box, move: Move) -> None:
    moved = tuple(move(corner) for corner in points)
    (x1, y1), (x2, y2) = move((box.x, box.y)), move((box.x + box.width, box.y + box.height))
    there = Box(min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1))
    assert share_within(moved, there) == pytest.approx(share_within(points, box), abs=1e-6)


@given(polygons, st.integers(0, 20), coarse_points | fine_points)
def test_where_a_polygon_begins_and_which_way_it_goes_is_the_same(
    points: Points, begin: int, point: Point
) -> None:
    begin %= len(points)
    turned = points[begin:] + points[:begin]
    assert contains(turned, point) == contains(points, point) == contains(turned[::-1], point)


many_points = st.lists(coarse_points | fine_points, min_size=1, max_size=30)


def within(corners: Points, points: list[Point]) -> set[Point]:
    return {point for point in points if contains(corners, point)}


@given(stars(), many_points, st.floats(1.001, 1.02))
def test_a_point_stays_inside_when_the_zone_grows(
    points: Points, asked: list[Point], factor: float
) -> None:
    grown = tuple((0.5 + (x - 0.5) * factor, 0.5 + (y - 0.5) * factor) for x, y in points)
    assert within(grown, [*asked, *points]) >= within(points, [*asked, *points])


@given(polygons, many_points, st.floats(0.001, 0.05))
def test_a_point_stays_inside_when_the_edge_moves_outwards(
    points: Points, asked: list[Point], margin: float
) -> None:
    edge = shapely.Polygon(points).buffer(margin).exterior
    assert within(tuple(edge.coords[:-1]), asked) >= within(points, asked)


@given(polygons, boxes())
def test_a_share_is_a_share(points: Points, box: Box) -> None:
    share = share_within(points, box)
    assert 0 <= share <= 1 + 1e-9
    corners = [(box.x + i * box.width, box.y + j * box.height) for i in (0, 1) for j in (0, 1)]
    if share > 1 - 1e-9:
        assert all(contains(points, corner) for corner in corners)
