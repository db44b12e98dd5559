"""Paint lands where the outline says, and textures never change."""

import numpy as np
import pytest

from backend.demo.canvas import (
    Colour,
    Point,
    blank,
    cloudy,
    dice,
    ellipse,
    fill,
    limb,
    oblong,
    placed,
    roughen,
    smooth,
)

RED: Colour = (0, 0, 200)
BLUE: Colour = (100, 0, 0)


def test_paint_stays_inside_its_outline() -> None:
    canvas = blank((40, 30))
    fill(canvas, oblong(10, 5, 20, 15), RED)
    assert canvas.picture[10, 15].tolist() == list(RED)
    assert canvas.cover[10, 15] == 255
    assert canvas.picture[10, 24].tolist() == [0, 0, 0]
    assert canvas.cover[20:].max() == 0


@pytest.mark.parametrize(("across", "left_is_red"), [(True, True), (False, False)])
def test_fading_runs_down_or_across(across: bool, left_is_red: bool) -> None:
    canvas = blank((40, 40))
    fill(canvas, oblong(0, 0, 39, 39), RED, BLUE, across=across)
    left_below, right_above = canvas.picture[36, 3], canvas.picture[3, 36]
    assert bool(left_below[2] > left_below[0]) == left_is_red
    assert bool(right_above[2] > right_above[0]) != left_is_red


@pytest.mark.parametrize("outline", [oblong(-30, 0, -10, 20), oblong(0, 90, 20, 99)])
def test_paint_beside_the_canvas_is_lost(outline: list[Point]) -> None:
    canvas = blank((40, 30))
    fill(canvas, outline, RED)
    assert canvas.cover.max() == 0


def test_an_outline_that_leaves_the_canvas_is_cut() -> None:
    canvas = blank((40, 30))
    fill(canvas, oblong(-10, -10, 100, 100), RED)
    assert canvas.cover.min() == 255


def test_a_smooth_outline_goes_through_its_corners() -> None:
    corners = [(0.0, 0.0), (10.0, 2.0), (12.0, 9.0), (1.0, 11.0)]
    assert smooth(corners)[::8] == corners


def test_a_limb_reaches_from_end_to_end() -> None:
    xs = [x for x, _ in limb((10, 10), (30, 10), 4, 2)]
    assert (min(xs), max(xs)) == pytest.approx((6, 32))


def test_an_ellipse_turns() -> None:
    upright = np.asarray(ellipse((0, 0), 10, 4, turn=90))
    assert np.abs(upright).max(axis=0) == pytest.approx((4, 10))


def test_a_negative_scale_mirrors() -> None:
    assert placed([(1.0, -2.0)], at=(100, 50), scale=(-10, 10)) == [(90, 30)]


def test_dice_fall_the_same_for_ever() -> None:
    assert dice(7, (2, 4)).tolist() == [[139, 74, 229, 241], [169, 65, 6, 160]]


def test_a_texture_is_even_in_the_mean() -> None:
    assert cloudy(3, (64, 48), (8, 6)).mean() == pytest.approx(128, abs=16)


def test_roughening_changes_only_what_is_inside() -> None:
    canvas = blank((64, 48))
    canvas.picture[:] = 100
    roughen(canvas, oblong(0, 0, 30, 47), cloudy(3, (64, 48), (8, 6)), 0.5)
    assert canvas.picture[:, :28].std() > 3
    assert (canvas.picture[:, 33:] == 100).all()
