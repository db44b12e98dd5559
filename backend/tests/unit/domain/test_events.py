"""When do detections belong together?"""

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given

from backend.domain.events import EventRules, Placement, Span, place
from backend.tests.fixtures.strategies import at_second as at
from backend.tests.fixtures.strategies import event_rules, events_and_a_moment, timelines

RULES = EventRules(idle=timedelta(seconds=30), longest=timedelta(seconds=900))


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


def attach_all(moments: Sequence[int], rules: EventRules = RULES) -> list[Span]:
    """What `place` makes of detections that come in this order."""
    spans: list[Span] = []
    for moment in moments:
        where = place(spans, at(moment), rules)
        if where.index is None:
            spans.append(Span(at(moment), at(moment)))
        else:
            spans[where.index] = spans[where.index].widened(at(moment))
    return spans


def are_apart(spans: Sequence[Span]) -> bool:
    """Whether no two of these share a moment."""
    ordered = sorted(spans, key=lambda one: one.first)
    return all(a.last < b.first for a, b in itertools.pairwise(ordered))


@given(timelines, event_rules)
def test_events_never_overlap_and_are_never_too_long(moments: list[int], rules: EventRules) -> None:
    spans = attach_all(moments, rules)
    assert all(s.last - s.first <= rules.longest for s in spans)
    assert are_apart(spans)
    assert all(any(s.first <= at(m) <= s.last for s in spans) for m in moments)


@given(timelines, event_rules)
def test_in_capture_order_only_a_pause_or_the_longest_time_ends_an_event(
    moments: list[int], rules: EventRules
) -> None:
    ordered = sorted(moments)
    expected: list[Span] = []
    for moment in map(at, ordered):
        last = expected[-1] if expected else None
        if last and moment - last.last <= rules.idle and moment - last.first <= rules.longest:
            expected[-1] = last.widened(moment)
        else:
            expected.append(Span(moment, moment))
    assert attach_all(ordered, rules) == expected


@given(events_and_a_moment(), event_rules)
def test_the_nearest_takes_it_that_may(
    among: tuple[list[Span], datetime], rules: EventRules
) -> None:
    spans, moment = among
    where = place(spans, moment, rules)
    may = [
        i
        for i, one in enumerate(spans)
        if one.distance(moment) <= rules.idle
        and (not one.distance(moment) or _length(one.widened(moment)) <= rules.longest)
    ]
    if where.index is None:
        assert not may
    else:
        nearest = min(may, key=lambda i: (spans[i].distance(moment), spans[i].first))
        assert where == Placement(nearest)
        widened = [*spans]
        widened[nearest] = spans[nearest].widened(moment)
        assert are_apart(widened)


@given(events_and_a_moment(), event_rules)
def test_a_new_event_goes_on_from_the_one_that_was_full(
    among: tuple[list[Span], datetime], rules: EventRules
) -> None:
    spans, moment = among
    where = place(spans, moment, rules)
    near = [one for one in spans if one.distance(moment) <= rules.idle]
    before = [one for one in near if one.last < moment]
    after = [one for one in near if one.first > moment]
    if where.index is not None:
        assert (where.continues, where.continued_by) == (None, None)
    elif before:
        assert where.continues is not None
        assert spans[where.continues] == max(before, key=lambda one: one.last)
        assert where.continued_by is None
    elif after:
        assert where.continued_by is not None
        assert spans[where.continued_by] == min(after, key=lambda one: one.first)
        assert where.continues is None
    else:
        assert where == Placement(None)


def _length(one: Span) -> timedelta:
    return one.last - one.first
