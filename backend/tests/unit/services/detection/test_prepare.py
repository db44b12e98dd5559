"""From a picture to what a model takes."""

import numpy as np
import pytest

from backend.services.detection.prepare import letterbox_scale, letterboxed, stretched


def test_a_letterbox_keeps_the_shape_and_greys_the_rest() -> None:
    planes = letterboxed(np.full((10, 40, 3), (10, 20, 250), np.uint8), 80, 60, grey=114)
    assert planes.shape == (1, 3, 60, 80)
    assert planes[0, :, 0, 0].tolist() == planes[0, :, 19, 79].tolist() == [10, 20, 250]
    assert (planes[0, :, 20:] == 114).all()
    assert letterbox_scale(40, 10, 80, 60) == 2


def test_stretched_it_is_all_of_the_input_red_first_from_0_to_1() -> None:
    planes = stretched(np.full((10, 40, 3), (0, 51, 255), np.uint8), 80, 60)
    assert planes.shape == (1, 3, 60, 80)
    assert planes.dtype == np.dtype(np.float32)
    assert np.allclose(planes.reshape(3, -1).T, [1, 0.2, 0])


@pytest.mark.parametrize(
    "shape", [(90, 640), (640, 90), (640, 640), (45, 45), (128, 128), (120, 70), (129, 64)]
)
def test_nothing_thin_is_missed_where_a_side_shrinks(shape: tuple[int, int]) -> None:
    """Lines of one pixel: their mean is what is left of them, wherever they fall."""
    pixels = np.zeros((*shape, 3), np.uint8)
    pixels[::10, :] = pixels[:, ::10] = 200
    planes = stretched(pixels, 64, 64)
    assert planes.mean() * 255 == pytest.approx(pixels.mean(), rel=0.15)
