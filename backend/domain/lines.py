"""Lines: what crossed one, and in which direction.

A path is taken as straight from sight to sight. Where it meets the line, be it in one point or
along a stretch, what counts is on which side it was just before and just after: only who comes to
the line from one side and goes from it to the other has crossed. So touching is no crossing, nor is
walking along the line and back; and who goes the same way back crosses back as often.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

from backend.domain.class_choice import is_chosen_class
from backend.domain.shapes import GridPoint, Points, on_grid, turn
from backend.domain.signs import Direction

MOST_LINES = 20
"""Of one camera."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line over a camera's picture, of two points or more.

    Inwards is from the left hand to the right hand of somebody who walks along it, on the picture,
    from its first point to its last: over a line drawn from left to right, that is downwards.
    `inwards` and `outwards` are what the owner calls the two ("coming home"). No `classes`: all.
    """

    name: str
    points: Points
    inwards: str = "inwards"
    outwards: str = "outwards"
    classes: frozenset[str] = frozenset()
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Crossing:
    """A line was crossed; `at` is the first sight beyond it."""

    line: str
    direction: Direction
    at: datetime


Trail = Sequence[tuple[datetime, tuple[float, float]]]
"""When, and where its foot point was, in the order of time."""


def crossings(path: Trail, lines: Iterable[Line], class_name: str) -> tuple[Crossing, ...]:
    """How something of a class crossed these lines, in order; of those met at one point, by name.

    What a path has crossed is not changed by what follows.
    """
    steps = _steps(path)
    places = [place for _, place in steps]
    met = [
        (where, line.name, direction)
        for line in lines
        if line.enabled and is_chosen_class(line.classes, [class_name])
        for where, direction in _crossed([on_grid(point) for point in line.points], places)
    ]
    return tuple(
        Crossing(name, direction, steps[floor(where) + 1][0])
        for where, name, direction in sorted(met)
    )


def _steps(path: Trail) -> list[tuple[datetime, GridPoint]]:
    """The path without standing still."""
    steps: list[tuple[datetime, GridPoint]] = []
    for at, point in path:
        place = on_grid(point)
        if not steps or steps[-1][1] != place:
            steps.append((at, place))
    return steps


@dataclass(frozen=True, slots=True)
class _Touch:
    """Where the path is on one piece of the line: from `start` to `end`, in steps of the path."""

    start: Fraction
    end: Fraction
    piece: int


def _crossed(
    line: Sequence[GridPoint], path: Sequence[GridPoint]
) -> Iterator[tuple[Fraction, Direction]]:
    """Where along the path, in steps, the line was left on the other side."""
    for contact in _contacts(line, path):
        start, end = contact[0].start, max(touch.end for touch in contact)
        if start == 0 or end == len(path) - 1:
            continue  # it began or ended on the line: from or to where is not known
        before = _side(
            line, {one.piece for one in contact if one.start == start}, path[ceil(start) - 1]
        )
        after = _side(line, {one.piece for one in contact if one.end == end}, path[floor(end) + 1])
        if before * after < 0:
            yield end, "inwards" if after > 0 else "outwards"


def _contacts(line: Sequence[GridPoint], path: Sequence[GridPoint]) -> Iterator[list[_Touch]]:
    """The touches in order, those together that follow without leaving the line."""
    contact: list[_Touch] = []
    for touch in sorted(_touches(line, path), key=lambda one: (one.start, one.end)):
        if contact and touch.start > max(one.end for one in contact):
            yield contact
            contact = []
        contact.append(touch)
    if contact:
        yield contact


def _touches(line: Sequence[GridPoint], path: Sequence[GridPoint]) -> Iterator[_Touch]:
    for step, (a, b) in enumerate(pairwise(path)):
        for piece, (p, q) in enumerate(pairwise(line)):
            shared = _shared(a, b, p, q)
            if shared is not None:
                yield _Touch(step + shared[0], step + shared[1], piece)


def _shared(
    a: GridPoint, b: GridPoint, p: GridPoint, q: GridPoint
) -> tuple[Fraction, Fraction] | None:
    """From where to where on the way from `a` to `b`, 0..1, it is on the piece from `p` to `q`."""
    if _are_apart(a[0], b[0], p[0], q[0]) or _are_apart(a[1], b[1], p[1], q[1]):
        return None  # as most are
    from_a, from_b = turn(p, q, a), turn(p, q, b)
    if from_a == from_b == 0:
        axis = 0 if a[0] != b[0] else 1
        ends = sorted(Fraction(one[axis] - a[axis], b[axis] - a[axis]) for one in (p, q))
        return max(ends[0], Fraction(0)), min(ends[1], Fraction(1))
    if _sign(from_a) == _sign(from_b) or _sign(turn(a, b, p)) * _sign(turn(a, b, q)) > 0:
        return None
    where = Fraction(from_a, from_a - from_b)
    return where, where


def _are_apart(a: int, b: int, p: int, q: int) -> bool:
    return max(a, b) < min(p, q) or max(p, q) < min(a, b)


def _side(line: Sequence[GridPoint], pieces: set[int], place: GridPoint) -> int:
    """The side from which a place looks at a point of the line: right 1, left -1, neither 0.

    `pieces` are those that the point lies on: two where it is the bend between them.
    """
    first, last = min(pieces), max(pieces)
    sides = [_sign(turn(line[piece], line[piece + 1], place)) for piece in (first, last)]
    bend = _sign(turn(line[first], line[first + 1], line[last + 1]))
    if bend == 0:
        return sides[0]
    # On the inner side of a bend is what is so for both pieces; all else is outside.
    return bend if sides == [bend, bend] else -bend


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
