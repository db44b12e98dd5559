"""Boxes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.boxes import Box, clip_box, overlap

CORNER = st.floats(-2, 2, allow_nan=False)
SHARE = st.floats(0.01, 0.5)
BOXES = st.builds(Box, SHARE, SHARE, SHARE, SHARE)


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


@given(CORNER, CORNER, CORNER, CORNER)
def test_a_box_lies_on_the_picture(x1: float, y1: float, x2: float, y2: float) -> None:
    box = clip_box(x1, y1, x2, y2)
    if box is not None:
        assert 0 <= box.x <= 1
        assert 0 <= box.y <= 1
        assert box.width > 0
        assert box.height > 0
        assert box.x + box.width <= 1 + 1e-9
        assert box.y + box.height <= 1 + 1e-9


@given(BOXES, BOXES)
def test_overlap(a: Box, b: Box) -> None:
    assert overlap(a, b) == pytest.approx(overlap(b, a))
    assert 0 <= overlap(a, b) <= 1 + 1e-9
    assert overlap(a, a) == pytest.approx(1)


def test_overlap_of_halves() -> None:
    assert overlap(Box(0, 0, 0.5, 1), Box(0.25, 0, 0.5, 1)) == pytest.approx(1 / 3)
    assert overlap(Box(0, 0, 0.2, 0.2), Box(0.2, 0.2, 0.2, 0.2)) == 0
