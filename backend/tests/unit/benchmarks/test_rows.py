"""Medians, intervals, goals."""

import pytest

from backend.tests.benchmarks.bench.figures import FIGURES, figures_named, in_order, together
from backend.tests.benchmarks.bench.rows import Goal, Row, interval, percentile, ratios, row_of


def test_seven_rounds_give_their_whole_range() -> None:
    assert interval([3, 1, 2, 7, 5, 4, 6]) == (1, 7)


def test_of_nine_rounds_the_extremes_are_left_out() -> None:
    assert interval([9, 8, 7, 6, 5, 4, 3, 2, 1]) == (2, 8)


@pytest.mark.parametrize("values", [[4.0], [4.0, 5.0, 6.0]])
def test_too_few_rounds_give_all_of_their_range(values: list[float]) -> None:
    assert interval(values) == (values[0], values[-1])


def test_a_row_has_the_median_of_what_was_measured_in_turn() -> None:
    row = row_of("P1", "ours", "floor", ratios([2, 9, 4], [1, 3, 4]), goal=Goal(most=3))
    assert (row.ratio, row.low, row.high, row.rounds, row.is_met) == (2, 1, 3, 3, True)


@pytest.mark.parametrize(
    ("goal", "value", "met", "text"),
    [
        (Goal(most=3), 3, True, "<= 3"),
        (Goal(most=3), 3.1, False, "<= 3"),
        (Goal(least=0.35), 0.34, False, ">= 0.35"),
        (Goal(most=1, least=1), 1, True, "= 1"),
        (Goal(most=1, least=1), 0.9, False, "= 1"),
    ],
)
def test_a_goal_is_a_bound_with_its_end(goal: Goal, value: float, met: bool, text: str) -> None:
    assert (goal.is_met(value), str(goal)) == (met, text)


def test_what_was_not_measured_meets_nothing_and_says_why() -> None:
    row = Row("P9", "a 304", "a ping", goal=Goal(most=1), note="no ETags yet").as_json()
    assert (row["ratio"], row["met"], row["note"]) == (None, None, "no ETags yet")


def test_the_percentile_is_one_of_the_values() -> None:
    assert percentile([float(i) for i in range(100)], 0.99) == 99
    assert percentile([5.0], 0.5) == 5


def test_the_table_has_every_figure_once() -> None:
    assert [figure.id for figure in FIGURES] == [*(f"P{i}" for i in range(1, 26)), "T1"]
    assert all(bool(figure.by) != bool(figure.missing) for figure in FIGURES)


def test_every_measurement_is_there() -> None:
    assert [figure.id for figure in FIGURES if figure.by and figure.measurement() is None] == []


def test_what_is_measured_at_once_is_one_group() -> None:
    groups = together(figures_named(["P18", "P2", "P16"]))
    assert [[figure.id for figure in group] for group in groups] == [["P2"], ["P16", "P18"]]


def test_an_unknown_figure_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="P99"):
        figures_named(["P1", "P99"])


def test_rows_come_in_the_order_of_the_table() -> None:
    rows = in_order([Row("P10", "", ""), Row("P9", "", "")])
    assert [row.id for row in rows] == ["P9", "P10"]
