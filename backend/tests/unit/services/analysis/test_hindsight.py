"""Which classes are looked at for what a suppression would have hidden."""

import pytest

from backend.domain.boxes import Box
from backend.domain.classes import GROUPS
from backend.domain.suppressions import Suppression, hides
from backend.services.analysis.hindsight import classes_like

BOX = Box(0.1, 0.1, 0.2, 0.2)


@pytest.mark.parametrize("class_name", [*GROUPS, "unicorn"])
def test_all_classes_are_looked_at_that_would_be_hidden(class_name: str) -> None:
    suppression = Suppression(1, class_name, BOX)
    hidden = {name for name in [*GROUPS, "unicorn"] if hides(suppression, name, BOX, b"")}
    assert classes_like(class_name) == hidden


def test_a_car_may_be_taken_for_a_truck() -> None:
    assert classes_like("car") >= {"car", "truck", "bus"}
    assert classes_like("person") == {"person"}
