"""Visitors stand where they are put, as large as they are said to be."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from backend.demo.canvas import Canvas, blank
from backend.demo.visitors import COURIER, STRANGER, Brush, draw_car, draw_dog, draw_person

Draw = Callable[[Brush], None]
FOOT, SIZE = (200.0, 250.0), 160.0

courier: Draw = partial(draw_person, clothes=COURIER)
stranger: Draw = partial(draw_person, clothes=STRANGER)


def drawn(draw: Draw, facing: int = 1) -> Canvas:
    canvas = blank((400, 300))
    draw(Brush(canvas, FOOT, SIZE, facing))
    return canvas


@pytest.mark.parametrize(
    ("draw", "width", "height"),
    [(courier, 0.5, 1.0), (stranger, 0.4, 1.0), (draw_dog, 1.0, 0.78), (draw_car, 1.0, 0.75)],
    ids=["courier", "stranger", "dog", "car"],
)
def test_a_visitor_stands_on_its_foot(draw: Draw, width: float, height: float) -> None:
    rows, columns = np.nonzero(drawn(draw).cover > 128)
    assert rows.max() == pytest.approx(FOOT[1], abs=0.03 * SIZE)
    assert np.ptp(rows) == pytest.approx(height * SIZE, rel=0.1)
    assert np.ptp(columns) == pytest.approx(width * SIZE, rel=0.15)


@pytest.mark.parametrize("draw", [courier, draw_dog], ids=["courier", "dog"])
def test_a_visitor_turns_round(draw: Draw) -> None:
    to_the_right, to_the_left = drawn(draw), drawn(draw, facing=-1)
    mirrored = to_the_left.cover[:, ::-1]
    assert not np.array_equal(to_the_right.cover, to_the_left.cover)
    # the mirror stands at column 200, between two pixels
    assert np.mean((to_the_right.cover[:, 1:] > 128) != (mirrored[:, :-1] > 128)) < 0.01


@pytest.mark.parametrize(
    ("plain", "special"),
    [
        (draw_car, partial(draw_car, lights_on=True)),
        (courier, stranger),
    ],
    ids=["headlights", "clothes"],
)
def test_visitors_differ_in_looks(plain: Draw, special: Draw) -> None:
    assert not np.array_equal(drawn(plain).picture, drawn(special).picture)
