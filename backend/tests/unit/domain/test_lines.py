"""Lines: what crosses one, and what only seems to."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.lines import Line, Trail, crossings
from backend.domain.shapes import Point, Points
from backend.domain.signs import Direction
from backend.tests.fixtures.zone_strategies import (
    BEGIN,
    a_line,
    polylines,
    side_of,
    splitting_lines,
    straight_lines,
    trails,
)

OPPOSITE: dict[Direction, Direction] = {"inwards": "outwards", "outwards": "inwards"}
SILL = a_line(((0.25, 0.5), (0.75, 0.5)))
# Down, to the right, and down again.
STAIRS = a_line(((0.25, 0), (0.25, 0.5), (0.75, 0.5), (0.75, 1)))


def trail(*places: Point) -> Trail:
    """A sight each second."""
    return [(BEGIN + timedelta(seconds=i), place) for i, place in enumerate(places)]


def crossed(line: Line, *places: Point) -> str:
    """`i` or `o` for each crossing, with the number of the sight that showed it."""
    found = crossings(trail(*places), [line], "person")
    numbers = [int((one.at - BEGIN).total_seconds()) for one in found]
    return " ".join(
        f"{one.direction[0]}{number}" for one, number in zip(found, numbers, strict=True)
    )


ABOVE, BELOW, ON = (0.5, 0.25), (0.5, 0.75), (0.5, 0.5)
TIP, BEYOND = (0.75, 0.5), (0.9, 0.5)

AT_A_SILL: dict[str, tuple[tuple[Point, ...], str]] = {
    "one sight": ((ABOVE,), ""),
    "over it": ((ABOVE, BELOW), "i1"),
    "and back": ((ABOVE, BELOW, ABOVE), "i1 o2"),
    "to and fro": ((BELOW, ABOVE, BELOW, ABOVE), "o1 i2 o3"),
    "past its end": (((0.9, 0.25), (0.9, 0.75)), ""),
    "over it in a far jump": (((0.3, 0), (0.6, 1)), "i1"),
    "touching from above": ((ABOVE, ON, ABOVE), ""),
    "touching from below": ((BELOW, ON, BELOW), ""),
    "stopping on it, then on": ((ABOVE, ON, ON, BELOW), "i3"),
    "stopping on it, then back": ((ABOVE, ON, ON, ABOVE), ""),
    "ending on it": ((ABOVE, ON), ""),
    "beginning on it": ((ON, BELOW), ""),
    "along it and back": ((ABOVE, (0.4, 0.5), (0.6, 0.5), ABOVE), ""),
    "along it and over": ((ABOVE, (0.4, 0.5), (0.6, 0.5), BELOW), "i3"),
    "to and fro on it, then over": ((ABOVE, (0.4, 0.5), (0.6, 0.5), ON, BELOW), "i4"),
    "along it past its end": ((ABOVE, ON, BEYOND, BELOW), ""),
    "past its end along it": (((0.9, 0.25), BEYOND, ON, BELOW), ""),
    "straight through its end": (((0.65, 0.25), (0.85, 0.75)), "i1"),
    "stopping at its end, then on": (((0.75, 0.25), TIP, (0.75, 0.75)), "i2"),
    "around its end": ((ABOVE, BEYOND, BELOW), ""),
    "standing": ((ABOVE, ABOVE, ABOVE), ""),
}


@pytest.mark.parametrize(("places", "expected"), AT_A_SILL.values(), ids=AT_A_SILL)
def test_a_straight_line(places: tuple[Point, ...], expected: str) -> None:
    assert crossed(SILL, *places) == expected
    assert crossed(a_line(SILL.points[::-1]), *places) == expected.translate({105: "o", 111: "i"})


AT_STAIRS: dict[str, tuple[tuple[Point, ...], str]] = {
    "through an upright": (((0, 0.25), (0.5, 0.25)), "o1"),
    "through all three": (((0, 0.25), (1, 0.75)), "o1 i1 o1"),
    "through two of them": (((0, 0.25), (0.75, 0.75), (0.5, 0.75)), "o1 i1"),
    "through a bend": (((0.125, 0.625), (0.375, 0.375)), "o1"),
    "touching a bend": (((0.125, 0.375), (0.25, 0.5), (0.125, 0.625)), ""),
    "passing a bend": (((0, 0.25), (0.5, 0.75)), ""),
    "along, around the bend, and back": (
        ((0, 0.25), (0.25, 0.25), (0.25, 0.5), (0.5, 0.5), (0.5, 0.75)),
        "",
    ),
    "along, around the bend, and over": (
        ((0, 0.25), (0.25, 0.25), (0.25, 0.5), (0.5, 0.5), (0.5, 0.25)),
        "o4",
    ),
    "through the bend where a sight is": (((0, 0.5), (0.25, 0.5), (0.5, 0.25)), "o2"),
    "from behind a bend along the line": (((0, 0.5), (0.5, 0.5), (0.5, 0.75)), ""),
    "along the line and on behind the bend": (((0.5, 0.75), (0.5, 0.5), (0, 0.5)), ""),
}


@pytest.mark.parametrize(("places", "expected"), AT_STAIRS.values(), ids=AT_STAIRS)
def test_a_line_with_bends(places: tuple[Point, ...], expected: str) -> None:
    assert crossed(STAIRS, *places) == expected


def test_lines_are_told_in_the_order_in_which_they_were_crossed() -> None:
    upper = Line("upper", ((0, 0.4), (1, 0.4)))
    lower = Line("lower", ((0, 0.6), (1, 0.6)))
    same = Line("also lower", ((0, 0.6), (1, 0.6)))
    found = crossings(trail(ABOVE, BELOW, ABOVE), [lower, upper, same], "person")
    assert [(one.line, one.direction) for one in found] == [
        ("upper", "inwards"),
        ("also lower", "inwards"),
        ("lower", "inwards"),
        ("also lower", "outwards"),
        ("lower", "outwards"),
        ("upper", "outwards"),
    ]


def test_a_line_is_for_its_classes_and_only_while_enabled() -> None:
    vehicles = Line("gate", SILL.points, classes=frozenset({"vehicle"}))
    disabled = Line("old", SILL.points, enabled=False)
    over = trail(ABOVE, BELOW)
    assert crossings(over, [vehicles, disabled], "person") == ()
    assert [one.line for one in crossings(over, [vehicles, disabled], "car")] == ["gate"]


any_lines = (straight_lines | polylines | splitting_lines()).map(a_line)


def directions(path: Trail, line: Line) -> list[Direction]:
    return [one.direction for one in crossings(path, [line], "person")]


@given(trails(), any_lines)
def test_the_way_back_cancels_the_way_there(path: Trail, line: Line) -> None:
    there = directions(path, line)
    back = directions(
        [(at, place) for (at, _), (_, place) in zip(path, path[::-1], strict=True)], line
    )
    assert back == [OPPOSITE[one] for one in reversed(there)]


@given(trails(), any_lines)
def test_a_line_drawn_the_other_way_has_its_directions_exchanged(path: Trail, line: Line) -> None:
    other_way = a_line(line.points[::-1])
    assert directions(path, other_way) == [OPPOSITE[one] for one in directions(path, line)]


mirrors: st.SearchStrategy[Callable[[Point], Point]] = st.sampled_from(
    [
        lambda point: (1 - point[0], point[1]),
        lambda point: (point[0], 1 - point[1]),
        lambda point: (point[1], point[0]),
    ]
)


@given(trails(), any_lines, mirrors)
def test_in_a_mirror_the_directions_are_exchanged(
    path: Trail, line: Line, mirror: Callable[[Point], Point]
) -> None:
    mirrored = a_line(tuple(mirror(point) for point in line.points))
    there = directions([(at, mirror(place)) for at, place in path], mirrored)
    assert there == [OPPOSITE[one] for one in directions(path, line)]


@given(trails(), any_lines, mirrors, mirrors)
def test_turned_round_the_directions_stay(
    path: Trail, line: Line, one: Callable[[Point], Point], other: Callable[[Point], Point]
) -> None:
    """Two mirrors make a turn."""
    turned = a_line(tuple(other(one(point)) for point in line.points))
    there = directions([(at, other(one(place))) for at, place in path], turned)
    assert there == directions(path, line)


@given(trails(), any_lines, st.sampled_from([0.5, 0.25]), st.sampled_from([0.5, 0.25]))
def test_line_and_path_are_scaled_together(
    path: Trail, line: Line, wide: float, high: float
) -> None:
    """Each way by a factor of its own, as on a picture of another shape."""

    def scale(point: Point) -> Point:
        return point[0] * wide, point[1] * high

    scaled = a_line(tuple(scale(point) for point in line.points))
    assert directions([(at, scale(place)) for at, place in path], scaled) == directions(path, line)


@given(trails(), any_lines, st.integers(0, 8), st.integers(0, 8))
def test_line_and_path_move_together(path: Trail, line: Line, right: int, down: int) -> None:
    def move(point: Point) -> Point:
        return point[0] / 2 + right / 16, point[1] / 2 + down / 16

    moved = a_line(tuple(move(point) for point in line.points))
    assert directions([(at, move(place)) for at, place in path], moved) == directions(path, line)


@given(trails(), any_lines, st.integers(0, 10))
def test_what_was_crossed_is_not_changed_by_what_follows(
    path: Trail, line: Line, until: int
) -> None:
    so_far = crossings(path[:until], [line], "person")
    assert crossings(path, [line], "person")[: len(so_far)] == so_far


@given(trails(), any_lines)
def test_a_sight_on_the_way_changes_nothing(path: Trail, line: Line) -> None:
    half = timedelta(seconds=0.5)
    between = [
        (at + half, ((x1 + x2) / 2, (y1 + y2) / 2))
        for (at, (x1, y1)), (_, (x2, y2)) in pairwise(path)
    ]
    assert directions(sorted([*path, *between]), line) == directions(path, line)


@given(trails(), splitting_lines())
def test_over_a_line_without_way_around_one_goes_by_turns(path: Trail, points: Points) -> None:
    found = directions(path, a_line(points))
    assert all(one != following for one, following in pairwise(found))
    first, last = side_of(points, path[0][1]), side_of(points, path[-1][1])
    if first and last:  # on the line, it is on neither side
        net = found.count("inwards") - found.count("outwards")
        assert net == (last - first) // 2
