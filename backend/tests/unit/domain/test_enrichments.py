"""What enrichers said, summed up."""

from typing import Any

import pytest

from backend.domain.enrichments import summed_up


@pytest.mark.parametrize(
    ("said", "summed"),
    [
        ([3, 8.5, 2], 8.5),
        (["left", "right", "right"], {"right": 2, "left": 1}),
        ([{"blue": 0.6, "black": 0.2}, {"blue": 0.4}], {"blue": 0.5, "black": 0.1}),
        ([{"grey": 0.2, "blue": 0.2}], {"blue": 0.2, "grey": 0.2}),
    ],
)
def test_each_kind_of_thing_is_summed_up_in_its_way(said: list[Any], summed: object) -> None:
    given = [{"someone": {"thing": value}} for value in said]
    assert summed_up(given) == {"someone": {"thing": summed}}


@pytest.mark.parametrize("said", [[["a"]], [True], [None], [1, "left"], [{"a": "b"}]])
def test_what_cannot_be_summed_up_is_left_out(said: list[Any]) -> None:
    given = [{"someone": {"thing": value, "other": 1}} for value in said]
    assert summed_up(given) == {"someone": {"other": 1}}


def test_who_said_nothing_of_a_detection_does_not_count_there() -> None:
    given: list[dict[str, Any]] = [
        {},
        {"colours": {"dominant": {"red": 0.5}}},
        {"movement": {"dwell": 2}},
    ]
    assert summed_up(given) == {
        "colours": {"dominant": {"red": 0.5}},
        "movement": {"dwell": 2},
    }


def test_of_nothing_there_is_nothing() -> None:
    assert summed_up([]) == {}
