"""Masks: every pixel that a polygon touches is black, at whatever scale the picture is."""

from math import ceil

import cv2
import numpy as np
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from backend.domain.shapes import Points
from backend.services.detection.masks import covered, paint_over
from backend.services.detection.picture import decode
from backend.tests.fixtures.zone_strategies import polygons

SIZES = [(1, 1), (2, 3), (4, 31), (9, 16), (45, 80), (37, 51), (90, 160)]
"""Height and width."""

SLIVER: Points = ((0.1, 0.2), (0.9, 0.8), (0.9, 0.800001))
SPECK: Points = ((0.5, 0.5), (0.500001, 0.5), (0.5, 0.500001))
BORDER: Points = ((0, 0), (1, 0), (1, 0.000001))
WHOLE: Points = ((0, 0), (1, 0), (1, 1), (0, 1))
HORSESHOE: Points = (
    (0.1, 0.1),
    (0.2, 0.1),
    (0.2, 0.8),
    (0.8, 0.8),
    (0.8, 0.1),
    (0.9, 0.1),
    (0.9, 0.9),
    (0.1, 0.9),
)
LOWER_BORDER: Points = ((0.75, 1), (0.25, 1), (0.375, 0.8125))
RIGHT_BORDER: Points = ((1, 0.625), (0.999999, 0.125), (1, 0.125))
SHAPES = {
    "sliver": SLIVER,
    "speck": SPECK,
    "upper border": BORDER,
    "lower border": LOWER_BORDER,
    "right border": RIGHT_BORDER,
    "whole": WHOLE,
    "horseshoe": HORSESHOE,
}


def touched(points: Points, height: int, width: int) -> NDArray[np.bool_]:
    """The pixels that share more than their border with a polygon, one by one."""
    rows, columns = np.mgrid[0:height, 0:width]
    scaled = shapely.Polygon([(x * width, y * height) for x, y in points])
    hair = 1e-9
    cells = shapely.box(columns + hair, rows + hair, columns + 1 - hair, rows + 1 - hair)
    return np.asarray(shapely.intersects(scaled, cells), np.bool_)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("points", SHAPES.values(), ids=SHAPES)
def test_what_is_touched_is_covered(points: Points, size: tuple[int, int]) -> None:
    assert np.all(covered([points], *size)[touched(points, *size)] == 255)


@given(polygons, st.integers(1, 40), st.integers(1, 40))
def test_what_any_polygon_touches_is_covered(points: Points, height: int, width: int) -> None:
    assert np.all(covered([points], height, width)[touched(points, height, width)] == 255)


@given(polygons, st.integers(1, 40), st.integers(1, 40))
def test_no_more_is_covered_than_three_pixels_around(
    points: Points, height: int, width: int
) -> None:
    around = cv2.dilate(touched(points, height, width).astype(np.uint8), np.ones((7, 7), np.uint8))
    assert not np.any((covered([points], height, width) > 0) & (around == 0))


@pytest.mark.parametrize("divisor", [2, 4, 8])
@given(points=polygons, height=st.integers(8, 96), width=st.integers(8, 96))
@example(points=((0.75, 0.75), (0.5, 0.625), (0.75, 0), (0.25, 1)), height=43, width=95)
@example(points=((0, 1), (0.625, 0.75), (0.875, 0.125)), height=13, width=74)
@example(points=((0.25, 1), (0.5625, 0.9375), (0.9375, 0.1875)), height=9, width=46)
def test_at_a_reduced_scale_all_is_covered_that_holds_a_touched_pixel(
    divisor: int, points: Points, height: int, width: int
) -> None:
    rows, columns = np.nonzero(touched(points, height, width))
    reduced = covered([points], ceil(height / divisor), ceil(width / divisor))
    assert np.all(reduced[rows // divisor, columns // divisor] == 255)


@pytest.mark.parametrize("longest", [None, 80, 40, 20], ids=str)
@pytest.mark.parametrize("size", [(90, 160), (93, 165), (165, 93)], ids=str)
def test_what_is_behind_a_mask_is_in_no_decoded_picture(
    size: tuple[int, int], longest: int | None
) -> None:
    """A red door on a blue wall, masked by its own outline: no red is left."""
    height, width = size
    door: Points = ((0.31, 0.2), (0.57, 0.23), (0.55, 0.91), (0.33, 0.88))
    picture = np.full((height, width, 3), (255, 0, 0), np.uint8)
    picture[touched(door, height, width)] = (0, 0, 255)
    _, data = cv2.imencode(".png", picture)
    _, jpeg = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, 95))
    for encoded in (data, jpeg):
        pixels = decode(encoded.tobytes(), longest=longest, full_size=(width, height))
        assert np.any(pixels[:, :, 2] > 128)
        paint_over(pixels, [door])
        assert not np.any(pixels[:, :, 2] > 128)
        assert np.any(pixels[:, :, 0] > 128)


def test_masks_add_up_and_the_rest_stays() -> None:
    pixels = np.full((90, 160, 3), 200, np.uint8)
    left: Points = ((0, 0), (0.25, 0), (0.25, 1), (0, 1))
    right: Points = ((0.75, 0), (1, 0), (1, 1), (0.75, 1))
    paint_over(pixels, [left, right])
    assert np.all(pixels[:, :40] == 0)
    assert np.all(pixels[:, 120:] == 0)
    assert np.all(pixels[:, 45:115] == 200)


def test_as_much_is_covered_on_every_side() -> None:
    square: Points = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
    rows, columns = np.nonzero(covered([square], 50, 50))  # of which it touches 12 to 37
    assert {*rows} == {*columns} == set(range(10, 40))


def test_masks_that_overlap_cover_what_both_cover() -> None:
    inner: Points = ((0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6))
    both = covered([WHOLE, inner], 45, 80)
    assert np.all(both == 255)


def test_without_masks_nothing_is_painted() -> None:
    pixels = np.full((9, 16, 3), 200, np.uint8)
    paint_over(pixels, [])
    assert np.all(pixels == 200)
