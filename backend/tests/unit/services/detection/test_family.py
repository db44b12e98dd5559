"""What every family of models keeps to: the shipped ones, and the one that stands for them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.services.detection.coco import COCO_CLASSES
from backend.services.detection.family import Family
from backend.services.detection.rtdetr import DecodedRtDetr, RtDetr
from backend.services.detection.yolox import YoloX
from backend.tests.fixtures.onnx_models import (
    SIDE,
    SlowFamily,
    no_objects,
    no_queries,
    put_object,
    put_query,
)

Answer = Sequence[NDArray[Any]]

BOX = (0, -4 / SIDE, 16 / SIDE, 20 / SIDE)
"""Where the person is; a part of it lies outside the picture."""


def yolox_answer(score: float) -> Answer:
    rows = no_objects()
    put_object(rows, 9, 0, score)
    return [rows]


def rtdetr_answer(score: float) -> Answer:
    answer = no_queries()
    put_query(answer, 3, 0, score, (8 / SIDE, 8 / SIDE, 16 / SIDE, 24 / SIDE))
    return [answer["logits"], answer["pred_boxes"]]


def decoded_answer(score: float) -> Answer:
    boxes = np.array([[BOX]], np.float32)
    return [np.zeros((1, 1), np.int64), boxes, np.array([[score]], np.float32)]


def slow() -> SlowFamily:
    """One that need not be waited for."""
    family = SlowFamily()
    family.let_go.set()
    return family


@dataclass(frozen=True, slots=True)
class Made:
    """A family, and an answer in which a person is seen with some certainty."""

    family: Callable[[], Family]
    answer: Callable[[float], Answer]


MADE: dict[str, Made] = {
    "yolox": Made(lambda: YoloX("images", SIDE, SIDE), yolox_answer),
    "rtdetr": Made(lambda: RtDetr("x", SIDE, SIDE, COCO_CLASSES, 0, 1), rtdetr_answer),
    "rtdetr, decoded": Made(
        lambda: DecodedRtDetr("x", "size", SIDE, SIDE, COCO_CLASSES, 0, 1, 2), decoded_answer
    ),
    "slow": Made(slow, yolox_answer),
}


@pytest.fixture(params=MADE)
def made(request: pytest.FixtureRequest) -> Made:
    return MADE[request.param]


@pytest.fixture
def family(made: Made) -> Family:
    return made.family()


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


def test_what_is_sure_enough_comes_in_fractions_of_the_picture(made: Made, family: Family) -> None:
    for size in ((SIDE, SIDE), (10 * SIDE, 10 * SIDE)):
        (person,) = family.candidates(made.answer(0.8), size, 0.5)
        assert person.class_name == "person"
        assert person.score == pytest.approx(0.8)
        assert person[2:] == pytest.approx(BOX, abs=1e-6)
    assert family.candidates(made.answer(0.4), (SIDE, SIDE), 0.5) == []


def test_what_is_no_number_is_not_left_out(made: Made, family: Family) -> None:
    with np.errstate(all="ignore"):
        answer = made.answer(np.nan)
    (candidate,) = family.candidates(answer, (SIDE, SIDE), 0.5)
    assert np.isnan(candidate.score)


def test_an_answer_of_another_shape_is_refused(made: Made, family: Family) -> None:
    with pytest.raises(ValueError, match="expected"):
        family.candidates(
            [one[:, :, 1:] if one.ndim == 3 else one for one in made.answer(0.8)], (SIDE, SIDE), 0.5
        )


def test_the_answer_is_left_as_it_was(made: Made, family: Family) -> None:
    answer = made.answer(0.8)
    before = [one.copy() for one in answer]
    first = family.candidates(answer, (SIDE, SIDE), 0.5)
    assert family.candidates(answer, (SIDE, SIDE), 0.5) == first
    assert all(map(np.array_equal, answer, before))
