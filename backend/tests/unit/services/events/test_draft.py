"""Which events take a batch of sightings, before anything is stored."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from backend.domain.boxes import Box, Detection
from backend.domain.doings import Doings, Place
from backend.domain.events import EventRules, Span
from backend.domain.risk import Facts, Seen, facts_of
from backend.services.events.draft import Draft, place_all
from backend.services.stores.events import EventNear
from backend.services.topics import Sighting
from backend.tests.fixtures.ledger import NOON

RULES = EventRules(idle=timedelta(seconds=30), longest=timedelta(minutes=2))


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def sighting(frame_id: int, seconds: float, *confidences: float, name: str = "person") -> Sighting:
    found = [Detection(name, one, Box(0.1, 0.1, 0.2, 0.2)) for one in confidences or (0.9,)]
    return Sighting(frame_id, at(seconds), tuple(found))


def stored(
    first: float, last: float, *, confidence: float = 0.8, cover: int | None = 70
) -> EventNear:
    facts = Facts(at(first), at(last), 3, {"person": Seen(3, 1, confidence)})
    return EventNear(7, Span(at(first), at(last)), facts, 4, cover)


def frames(drafts: Sequence[Draft]) -> list[list[int]]:
    return [[one.frame_id for one in draft.sightings] for draft in drafts]


def test_what_is_close_in_time_is_one_event() -> None:
    drafts = place_all([], [sighting(1, 0), sighting(2, 30), sighting(3, 61)], RULES)
    assert frames(drafts) == [[1, 2], [3]]
    assert drafts[0].span == Span(at(0), at(30))
    assert [draft.was for draft in drafts] == [None, None]


def test_a_stored_event_takes_what_is_near_on_either_side() -> None:
    event = stored(100, 110)
    drafts = place_all([event], [sighting(1, 80), sighting(2, 140), sighting(3, 200)], RULES)
    assert frames(drafts) == [[1, 2], [3]]
    assert (drafts[0].id, drafts[0].was) == (7, event)
    assert drafts[0].span == Span(at(80), at(140))


def test_an_event_that_takes_nothing_is_left_alone() -> None:
    drafts = place_all([stored(0, 10)], [sighting(1, 500)], RULES)
    assert frames(drafts) == [[1]]
    assert drafts[0].was is None


def test_one_that_would_become_too_long_is_continued() -> None:
    drafts = place_all([], [sighting(n, 20 * n) for n in range(1, 10)], RULES)
    assert frames(drafts) == [[1, 2, 3, 4, 5, 6, 7], [8, 9]]
    assert drafts[1].continues is drafts[0]
    assert drafts[0].continued_by is None


def test_one_before_a_stored_event_that_is_too_long_is_continued_by_it() -> None:
    drafts = place_all([stored(0, 120)], [sighting(1, -10)], RULES)
    assert frames(drafts) == [[1]]
    assert drafts[0].continued_by is not None
    assert drafts[0].continued_by.id == 7


def test_facts_are_those_of_the_stored_event_and_of_all_new_frames() -> None:
    cat = sighting(2, 20, 0.5, 0.6, name="cat")
    (draft,) = place_all([stored(0, 10)], [sighting(1, 15, 0.95), cat], RULES)
    assert draft.facts() == Facts(
        at(0),
        at(20),
        5,
        {"person": Seen(4, 1, 0.95), "cat": Seen(1, 2, 0.6)},
        Doings(place=Place()),
    )
    assert draft.detections() == 4 + 3


def test_the_cover_is_the_first_frame_with_the_surest_detection() -> None:
    (fresh,) = place_all([], [sighting(1, 0, 0.7), sighting(2, 1, 0.9), sighting(3, 2, 0.9)], RULES)
    assert fresh.cover() == 2
    (no_surer,) = place_all([stored(0, 10)], [sighting(1, 15, 0.8)], RULES)
    assert no_surer.cover() == 70
    (surer,) = place_all([stored(0, 10)], [sighting(1, 15, 0.81)], RULES)
    assert surer.cover() == 1
    (gone,) = place_all([stored(0, 10, cover=None)], [sighting(1, 15, 0.3)], RULES)
    assert gone.cover() == 1


@given(st.lists(st.integers(0, 600), min_size=1, max_size=25, unique=True), st.randoms())
def test_in_whatever_order_they_are_handed_in(seconds: list[int], random: Random) -> None:
    sightings = [sighting(n, moment) for n, moment in enumerate(seconds)]
    expected = place_all([], sightings, RULES)
    shuffled = list(sightings)
    random.shuffle(shuffled)
    assert frames(place_all([], shuffled, RULES)) == frames(expected)
    assert sorted(one for draft in expected for one in frames([draft])[0]) == list(
        range(len(seconds))
    )
    for draft in expected:
        assert draft.span.last - draft.span.first <= RULES.longest
        assert draft.facts() == _merged(draft.sightings)


def _merged(sightings: Sequence[Sighting]) -> Facts:
    facts = facts_of(sightings[0].captured_at, sightings[0].detections)
    for more in sightings[1:]:
        facts = facts.merged(facts_of(more.captured_at, more.detections))
    return facts
