"""The classes that models number are those of the list beside the real models."""

import pytest

from backend.domain.classes import GROUPS, MOTION
from backend.services.detection.coco import COCO_CLASSES
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
