"""The best assignment, compared with all there are."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.services.detection.assignment import assign

LIMIT = 2.0
_costs = st.integers(0, 300).map(lambda hundredths: hundredths / 100) | st.just(math.inf)
matrices = st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(
    lambda shape: st.lists(
        st.lists(_costs, min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)


def worth(costs: list[list[float]], columns: list[int | None]) -> float:
    return sum(
        LIMIT - row[column]
        for row, column in zip(costs, columns, strict=True)
        if column is not None
    )


@given(matrices)
def test_no_other_assignment_is_worth_more(costs: list[list[float]]) -> None:
    places = [None, *range(len(costs[0]))]
    best = max(
        worth(costs, list(columns))
        for columns in itertools.product(places, repeat=len(costs))
        if len({c for c in columns if c is not None}) == sum(c is not None for c in columns)
    )
    chosen = assign(costs, LIMIT)
    taken = [column for column in chosen if column is not None]
    assert len(set(taken)) == len(taken)
    assert worth(costs, chosen) == pytest.approx(best)


@pytest.mark.parametrize(("costs", "chosen"), [([], []), ([[], []], [None, None])])
def test_nothing_to_assign(costs: list[list[float]], chosen: list[None]) -> None:
    assert assign(costs, LIMIT) == chosen
