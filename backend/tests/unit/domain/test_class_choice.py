"""Which classes a zone or a line is about."""

import re

import pytest

from backend.domain.boxes import Box, Detection
from backend.domain.class_choice import CHOICES, class_choice, is_chosen
from backend.domain.classes import GROUPS

BOX = Box(0, 0, 1, 1)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("person", 'must be a list of classes, like ["person", "vehicle"]'),
        (None, 'must be a list of classes, like ["person", "vehicle"]'),
        (["persn"], "has a class that is not known: did you mean person?"),
        (["car", "Vehicles"], "has a class that is not known: did you mean vehicle?"),
        (["unicorn"], f"must be of these classes: {', '.join(CHOICES)}"),
        ([1], f"must be of these classes: {', '.join(CHOICES)}"),
        ([["person"]], f"must be of these classes: {', '.join(CHOICES)}"),
    ],
)
def test_what_is_no_choice(raw: object, words: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        class_choice(raw)


@pytest.mark.parametrize(
    ("raw", "chosen"),
    [
        ([], set(GROUPS)),
        (["person"], {"person"}),
        (["car", "car"], {"car"}),
        (["vehicle", "dog"], {"bicycle", "car", "motorcycle", "bus", "truck", "dog"}),
    ],
)
def test_classes_are_chosen_by_themselves_or_by_their_group(raw: object, chosen: set[str]) -> None:
    choice = class_choice(raw)
    assert {name for name in GROUPS if is_chosen(choice, Detection(name, 1, BOX))} == chosen


def test_what_looked_like_two_classes_counts_for_both() -> None:
    van = Detection("truck", 0.6, BOX, alternatives=(("car", 0.5),))
    assert is_chosen(frozenset({"car"}), van)
    assert is_chosen(frozenset({"truck"}), van)
    assert not is_chosen(frozenset({"bus"}), van)
