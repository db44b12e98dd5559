"""When do detections belong together?"""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.events import EventRules, Placement, Span, place

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RULES = EventRules(idle=timedelta(seconds=30), longest=timedelta(seconds=900))


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def span(first: float, last: float) -> Span:
    return Span(at(first), at(last))


@pytest.mark.parametrize(
    ("spans", "moment", "expected"),
    [
        pytest.param([], 0, Placement(None), id="the first of all"),
        pytest.param([(0, 10)], 40, Placement(0), id="30 s after the last still belongs"),
        pytest.param([(0, 10)], 40.001, Placement(None), id="later does not"),
        pytest.param([(100, 110)], 70, Placement(0), id="30 s before the first belongs, too"),
        pytest.param([(0, 10)], 5, Placement(0), id="within"),
        pytest.param([(0, 0), (40, 40)], 25, Placement(1), id="the nearest of two"),
        pytest.param([(0, 0), (40, 40)], 20, Placement(0), id="on a tie the earlier"),
        pytest.param([(0, 900)], 901, Placement(None, continues=0), id="too long: continued"),
        pytest.param([(10, 910)], 0, Placement(None, continued_by=0), id="too long the other way"),
        pytest.param([(0, 900), (925, 930)], 910, Placement(1), id="full, so the next nearest"),
        pytest.param([(0, 900)], 450, Placement(0), id="within a full one"),
    ],
)
def test_place(spans: list[tuple[float, float]], moment: float, expected: Placement) -> None:
    assert place([span(*s) for s in spans], at(moment), RULES) == expected


def attach_all(moments: Sequence[int]) -> list[Span]:
    """What `place` makes of detections that come in this order."""
    spans: list[Span] = []
    for moment in moments:
        where = place(spans, at(moment), RULES)
        if where.index is None:
            spans.append(Span(at(moment), at(moment)))
        else:
            spans[where.index] = spans[where.index].widened(at(moment))
    return spans


MOMENTS = st.lists(st.integers(0, 3000), min_size=1, max_size=60)


@given(MOMENTS)
def test_events_never_overlap_and_are_never_too_long(moments: list[int]) -> None:
    spans = sorted(attach_all(moments), key=lambda s: s.first)
    assert all(s.last - s.first <= RULES.longest for s in spans)
    assert all(a.last < b.first for a, b in itertools.pairwise(spans))
    assert all(any(s.first <= at(m) <= s.last for s in spans) for m in moments)


@given(MOMENTS)
def test_in_capture_order_a_gap_of_more_than_idle_parts_events_and_nothing_else_does(
    moments: list[int],
) -> None:
    ordered = sorted(set(moments))
    spans = attach_all(ordered)
    gaps = sum(b - a > 30 for a, b in itertools.pairwise(ordered))
    short = all(s.last - s.first < RULES.longest - RULES.idle for s in spans)
    assert len(spans) >= gaps + 1
    if short:
        assert len(spans) == gaps + 1
