"""Levels as ranges of scores."""

import pytest

from backend.api.routes.events import scores_of
from backend.domain.risk import Level, level_of


@pytest.mark.parametrize("level", Level)
def test_the_range_holds_the_scores_of_the_level_and_no_others(level: Level) -> None:
    lowest, highest = scores_of(level)
    inside = {score for score in range(101) if level_of(score) is level}
    assert inside == set(range(lowest, highest + 1))
