"""What is drawn upon a picture lies where it was drawn, and stays within the picture."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.drawings import Drawings
from backend.domain.lines import Line
from backend.domain.masks import Mask
from backend.domain.shapes import Points
from backend.domain.zones import Zone
from backend.services.detection.overlay import draw_over
from backend.tests.fixtures.zone_strategies import polygons, polylines

LOWER_HALF: Points = ((0, 0.5), (1, 0.5), (1, 1), (0, 1))
GREY = 128


def grey(height: int = 360, width: int = 640) -> "np.typing.NDArray[np.uint8]":
    return np.full((height, width, 3), GREY, np.uint8)


def test_a_zone_is_tinted_in_its_colour_and_the_rest_is_as_it_was() -> None:
    pixels = grey()
    draw_over(pixels, Drawings(zones=(Zone("Hof", LOWER_HALF, colour="#00ff00"),)))
    blue, green, red = pixels[300, 400].tolist()
    assert green > GREY + 20
    assert blue == red < GREY - 20
    assert np.all(pixels[:170] == GREY)


def test_the_zone_that_is_named_first_is_above_the_others() -> None:
    pixels = grey()
    zones = (
        Zone("first", LOWER_HALF, colour="#00ff00", priority=9),
        Zone("second", LOWER_HALF, colour="#ff0000"),
    )
    draw_over(pixels, Drawings(zones=zones))
    assert pixels[300, 400, 1] > GREY


def test_a_mask_is_black_whatever_zone_it_lies_in() -> None:
    pixels = grey()
    door: Points = ((0.5, 0.6), (0.7, 0.6), (0.7, 0.9), (0.5, 0.9))
    draw_over(pixels, Drawings(zones=(Zone("Hof", LOWER_HALF),), masks=(Mask("door", door),)))
    assert np.all(pixels[280:310, 340:430] == 0)


@pytest.mark.parametrize(
    ("points", "inwards"),
    [
        (((0.2, 0.5), (0.8, 0.5)), (320, 192)),  # drawn to the right: downwards
        (((0.8, 0.5), (0.2, 0.5)), (320, 168)),
        (((0.5, 0.8), (0.5, 0.2)), (332, 180)),  # drawn upwards: to the right
        (((0.5, 0.2), (0.5, 0.8)), (308, 180)),
    ],
)
def test_the_arrow_of_a_line_points_inwards(points: Points, inwards: tuple[int, int]) -> None:
    """Its head is where it is broad."""
    pixels = grey()
    draw_over(pixels, Drawings(lines=(Line("Tor", points),)))
    outwards = (640 - inwards[0], 360 - inwards[1])
    assert drawn_around(pixels, inwards) > 1.5 * drawn_around(pixels, outwards)


def drawn_around(pixels: "np.typing.NDArray[np.uint8]", at: tuple[int, int]) -> int:
    near = pixels[at[1] - 8 : at[1] + 9, at[0] - 8 : at[0] + 9]
    return int(np.count_nonzero(np.any(near != GREY, axis=2)))


def test_names_that_lie_on_one_another_are_all_written() -> None:
    one, four = grey(), grey()
    draw_over(one, Drawings(zones=(Zone("a" * 30, LOWER_HALF),)))
    draw_over(four, Drawings(zones=tuple(Zone(f"{i}" + "a" * 29, LOWER_HALF) for i in range(4))))
    assert 3.5 < dark(four) / dark(one) < 4.5


def dark(pixels: "np.typing.NDArray[np.uint8]") -> int:
    return int(np.count_nonzero(np.all(pixels[185:] == 32, axis=2)))


names = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=200)


@given(st.data(), st.integers(1, 40), st.integers(1, 40))
def test_anything_can_be_drawn_upon_a_picture_of_any_size(
    data: st.DataObject, height: int, width: int
) -> None:
    drawings = Drawings(
        zones=tuple(Zone(data.draw(names), data.draw(polygons), weight=i) for i in range(2)),
        lines=(Line(data.draw(names), data.draw(polylines), inwards=data.draw(names)),),
        masks=(Mask(data.draw(names), data.draw(polygons)),),
    )
    pixels = grey(height * 16, width * 16)
    draw_over(pixels, drawings)
    assert cv2.absdiff(pixels, grey(height * 16, width * 16)).max() > 0
