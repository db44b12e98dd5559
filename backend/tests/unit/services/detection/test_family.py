"""What every family of models keeps to: the shipped one, and the one that stands for it."""

from collections.abc import Callable

import numpy as np
import pytest

from backend.services.detection.family import Family
from backend.services.detection.yolox import YoloX
from backend.tests.fixtures.onnx_models import SIDE, SlowFamily, no_objects, put_object


def slow() -> SlowFamily:
    """One that need not be waited for."""
    family = SlowFamily()
    family.let_go.set()
    return family


MADE: dict[str, Callable[[], Family]] = {
    "yolox": lambda: YoloX("images", SIDE, SIDE),
    "slow": slow,
}


@pytest.fixture(params=MADE)
def family(request: pytest.FixtureRequest) -> Family:
    return MADE[request.param]()


def test_its_name_is_one_lower_case_word(family: Family) -> None:
    assert family.name.isalnum()
    assert family.name == family.name.lower()
    assert family.sight > 0
    assert family.has_duplicates in {True, False}


@pytest.mark.parametrize("shape", [(1, 1), (48, 64), (64, 48), (1, 9000)])
def test_pictures_of_all_shapes_go_in_alike(family: Family, shape: tuple[int, int]) -> None:
    pixels = np.full((*shape, 3), 200, np.uint8)
    feed = family.feed(pixels)
    usual = family.feed(np.zeros((family.sight, family.sight, 3), np.uint8))
    assert {name: (one.shape, one.dtype) for name, one in feed.items()} == {
        name: (one.shape, one.dtype) for name, one in usual.items()
    }
    assert (pixels == 200).all(), "the picture is left as it was"


def test_what_is_sure_enough_comes_in_fractions_of_the_picture(family: Family) -> None:
    rows = no_objects()
    put_object(rows, cell=9, class_index=0, score=0.8)
    for size in ((SIDE, SIDE), (10 * SIDE, 10 * SIDE)):
        (person,) = family.candidates([rows], size, 0.5)
        assert person.class_name == "person"
        assert person.score == pytest.approx(0.8)
        assert person[2:] == pytest.approx((0, -4 / SIDE, 16 / SIDE, 20 / SIDE), abs=1e-6)


def test_what_is_no_number_is_not_left_out(family: Family) -> None:
    rows = no_objects()
    rows[0, 3, 4] = np.nan
    (candidate,) = family.candidates([rows], (SIDE, SIDE), 0.5)
    assert np.isnan(candidate.score)


def test_an_answer_of_another_shape_is_refused(family: Family) -> None:
    with pytest.raises(ValueError, match="expected"):
        family.candidates([no_objects()[:, 1:]], (SIDE, SIDE), 0.5)


def test_the_answer_is_left_as_it_was(family: Family) -> None:
    rows = no_objects()
    put_object(rows, 0, 0, 0.8)
    before = rows.copy()
    first = family.candidates([rows], (SIDE, SIDE), 0.5)
    assert family.candidates([rows], (SIDE, SIDE), 0.5) == first
    assert np.array_equal(rows, before)
