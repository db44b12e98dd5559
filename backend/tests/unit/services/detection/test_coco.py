"""The classes that models number are those of the list beside the real models."""

import pytest

from backend.domain.classes import GROUPS, MOTION
from backend.services.detection.coco import COCO_CLASSES, classes_of
from backend.tests.fixtures.product import SHARED_DATA


def test_they_are_the_published_eighty() -> None:
    names = SHARED_DATA / "models" / "coco80.names"
    if not names.is_file():
        pytest.skip("the real models (../shared/data) are not there")
    assert list(COCO_CLASSES) == names.read_text(encoding="utf-8").split("\n")[:80]


def test_they_are_plain_words_and_ours_are_among_them() -> None:
    assert len(set(COCO_CLASSES)) == 80
    assert [name for name in COCO_CLASSES if name != " ".join(name.split())] == []
    assert set(GROUPS) - {MOTION} <= set(COCO_CLASSES)


def test_without_a_word_of_the_file_they_are_coco_s() -> None:
    assert classes_of({"author": "somebody"}) == COCO_CLASSES


@pytest.mark.parametrize("names", ['["hen", "sofa"]', '{"1": "sofa", "0": "hen"}'])
def test_the_file_s_own_in_the_order_of_their_numbers(names: str) -> None:
    assert classes_of({"names": names}) == ("hen", "couch")


def test_ours_count_however_they_are_written() -> None:
    names = '["Person", "CAR", "MotorBike", "Sofa", "Forklift"]'
    assert classes_of({"names": names}) == ("person", "car", "motorcycle", "couch", "Forklift")


@pytest.mark.parametrize(
    "names",
    [
        *("", "hen", "{", "{}", "[]", '{"1": "hen"}', '["a\\u0007b"]', "null", "[" * 100_000),
        "{0: 'person', 1: 'car'}",
    ],
    ids=range(10),
)
def test_what_is_no_list_of_names(names: str) -> None:
    with pytest.raises(ValueError, match=r"^its metadata `names` is no JSON list of names$"):
        classes_of({"names": names})
