"""Boxes."""

import math

import pytest
from hypothesis import given

from backend.domain.boxes import Box, clip_box, overlap
from backend.tests.fixtures.strategies import CELLS, boxes, cell_corners, coordinates


@pytest.mark.parametrize(
    "corners",
    [
        (math.nan, 0, 1, 1),
        (0, 0, math.inf, 1),
        (0.5, 0.5, 0.5, 0.9),
        (0.9, 0.1, 0.2, 0.5),
        (1.1, 0.1, 1.5, 0.5),
        (-1, -1, 0, 0),
    ],
)
def test_what_is_no_box(corners: tuple[float, float, float, float]) -> None:
    assert clip_box(*corners) is None


def test_a_box_is_cut_to_the_picture() -> None:
    assert clip_box(-0.5, 0.25, 0.5, 2) == Box(0, 0.25, 0.5, 0.75)


@given(coordinates, coordinates, coordinates, coordinates)
def test_a_box_lies_on_the_picture(x1: float, y1: float, x2: float, y2: float) -> None:
    box = clip_box(x1, y1, x2, y2)
    if box is not None:
        assert 0 <= box.x <= 1
        assert 0 <= box.y <= 1
        assert box.width > 0
        assert box.height > 0
        assert box.x + box.width <= 1 + 1e-9
        assert box.y + box.height <= 1 + 1e-9


Corners = tuple[int, int, int, int]


def cells_of(x1: int, y1: int, x2: int, y2: int) -> set[tuple[int, int]]:
    """The cells of a picture of 8 x 8 that lie between these corners."""
    picture = range(CELLS)
    return {(x, y) for x in picture for y in picture if x1 <= x < x2 and y1 <= y < y2}


@given(cell_corners)
def test_a_box_is_what_of_it_lies_on_the_picture(corners: Corners) -> None:
    box = clip_box(*(corner / CELLS for corner in corners))
    kept = cells_of(*corners)
    assert (box is None) == (not kept)
    if box is not None:
        assert box.area * CELLS**2 == len(kept)
        assert (box.x * CELLS, box.y * CELLS) == min(kept)


@given(cell_corners, cell_corners)
def test_overlap_is_the_common_cells_among_all(first: Corners, second: Corners) -> None:
    a, b = (clip_box(*(corner / CELLS for corner in corners)) for corners in (first, second))
    if a is not None and b is not None:
        ours, theirs = cells_of(*first), cells_of(*second)
        assert overlap(a, b) == pytest.approx(len(ours & theirs) / len(ours | theirs))


@given(boxes(), boxes())
def test_overlap(a: Box, b: Box) -> None:
    assert overlap(a, b) == pytest.approx(overlap(b, a))
    assert 0 <= overlap(a, b) <= 1 + 1e-9
    assert overlap(a, a) == pytest.approx(1)


def test_overlap_of_halves() -> None:
    assert overlap(Box(0, 0, 0.5, 1), Box(0.25, 0, 0.5, 1)) == pytest.approx(1 / 3)
    assert overlap(Box(0, 0, 0.2, 0.2), Box(0.2, 0.2, 0.2, 0.2)) == 0
