"""What a suppression hides, and what it does not."""

from dataclasses import replace

import pytest

from backend.domain.boxes import Box
from backend.domain.suppressions import Suppression, hidden_by, hides

BOX = Box(0.4, 0.4, 0.1, 0.2)
COAT, OTHER = bytes(range(64)), bytes(reversed(range(64)))
NEVER_A_PERSON = Suppression(7, "person", BOX, COAT)


@pytest.mark.parametrize(
    ("class_name", "box", "print_", "hidden"),
    [
        pytest.param("person", BOX, COAT, True, id="the coat"),
        pytest.param("person", replace(BOX, x=0.41), COAT, True, id="the coat in the wind"),
        pytest.param("person", BOX, OTHER, False, id="somebody before it"),
        pytest.param("person", replace(BOX, x=0.43), COAT, False, id="somebody beside it"),
        pytest.param("person", replace(BOX, x=0.6), COAT, False, id="its like elsewhere"),
        pytest.param("dog", BOX, COAT, False, id="another class"),
        pytest.param("person", BOX, b"", True, id="too small to have a look"),
    ],
)
def test_what_is_hidden(class_name: str, box: Box, print_: bytes, hidden: bool) -> None:
    assert hides(NEVER_A_PERSON, class_name, box, print_) is hidden


def test_a_car_that_looks_like_a_truck_is_hidden_too() -> None:
    assert hides(replace(NEVER_A_PERSON, class_name="car"), "truck", BOX, COAT)


def test_the_first_that_hides_is_told() -> None:
    elsewhere = replace(NEVER_A_PERSON, id=3, box=replace(BOX, x=0.8))
    later = replace(NEVER_A_PERSON, id=9)
    assert hidden_by([elsewhere, NEVER_A_PERSON, later], "person", BOX, COAT) == NEVER_A_PERSON
    assert hidden_by([elsewhere], "person", BOX, COAT) is None
