"""What the things of an event did, and what it adds to the score."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.boxes import Box, Detection
from backend.domain.doings import Crossings, Did, Place, Stayed, doings_of
from backend.domain.risk import Facts, facts_of, judge
from backend.domain.signs import Crossed, InZone, Signs
from backend.tests.fixtures.strategies import detections

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ZONE = ZoneInfo("UTC")
BOX = Box(0.1, 0.1, 0.2, 0.4)


def thing(signs: Signs, class_name: str = "person") -> Detection:
    return Detection(class_name, 0.8, BOX, signs=signs)


def in_zone(name: str, weight: int, seconds: float = 0.0) -> Signs:
    return Signs(zones=(InZone(name, weight, seconds),))


def factors(*frames: list[Detection]) -> dict[str, int]:
    facts: Facts | None = None
    for frame in frames:
        more = facts_of(NOON, frame)
        facts = more if facts is None else facts.merged(more)
    assert facts is not None
    return {factor.name: factor.points for factor in judge(facts, ZONE).factors}


def test_a_frame_is_summed_up() -> None:
    signs = Signs(
        zones=(InZone("Porch", 20, 8.0, entered=True), InZone("Yard", 5, 9.0)),
        crossed=(Crossed("Gate", "inwards", "in"),),
        still=3.0,
        approach=1.4,
    )
    parked = Signs(zones=(InZone("Yard", 5, 90.0),), arrived=True)
    doings = doings_of([thing(signs), thing(parked, "car"), thing(Signs(departed=True), "car")])
    assert doings.by_class == {
        "person": Did(3.0, 1.4),
        "car": Did(0.0, 1.0, arrived=1, departed=1),
    }
    # A zone is counted once a frame; only persons dwell.
    assert doings.zones == {"Porch": Stayed(20, 1, 1, 8.0), "Yard": Stayed(5, 1, 0, 9.0)}
    assert doings.lines == {"Gate": Crossings(inwards=1)}
    assert doings.place == Place(20, "Porch")


def test_a_zone_gives_its_weight() -> None:
    assert factors([thing(in_zone("Porch", 20))])["zone"] == 20


def test_a_zone_takes_points_only_where_nothing_was_elsewhere() -> None:
    """A filter must not swallow the one alert that mattered."""
    passer_by = thing(in_zone("Sidewalk", -15))
    assert factors([passer_by])["zone"] == -15
    assert "zone" not in factors([passer_by], [thing(Signs())])
    assert factors([passer_by], [thing(in_zone("Porch", 20))])["zone"] == 20


def test_of_several_zones_the_highest_priority_decides() -> None:
    both = Signs(zones=(InZone("Sidewalk", -15), InZone("Yard", 10)))
    assert factors([thing(both)])["zone"] == -15


def test_no_zone_takes_more_than_there_is() -> None:
    judgement = judge(facts_of(NOON, [thing(in_zone("Street", -50), "bird")]), ZONE)
    assert judgement.score == 0
    assert {factor.name: factor.points for factor in judgement.factors} == {
        "bird_seen": 2,
        "zone": -50,
        "limit": 48,
    }


@pytest.mark.parametrize(("seconds", "points"), [(29.0, None), (30.0, 5), (120.0, 10)])
def test_a_person_who_dwells_where_it_matters(seconds: float, points: int | None) -> None:
    assert factors([thing(in_zone("Porch", 20, seconds))]).get("dwells") == points
    assert "dwells" not in factors([thing(in_zone("Sidewalk", -15, seconds))])
    assert "dwells" not in factors([thing(in_zone("Porch", 20, seconds), "car")])


@pytest.mark.parametrize(
    ("signs", "class_name", "name", "points"),
    [
        (Signs(still=120.0), "person", "still", 10),
        (Signs(still=119.0), "person", "still", None),
        (Signs(still=900.0), "car", "still", None),
        (Signs(approach=1.5), "person", "approaches", 5),
        (Signs(approach=2.5), "person", "approaches", 10),
        (Signs(approach=9.0), "car", "approaches", None),
        (Signs(arrived=True), "car", "arrival", 5),
        (Signs(departed=True), "truck", "departure", 5),
        (Signs(arrived=True), "person", "arrival", None),
        (Signs(crossed=(Crossed("Gate", "inwards", "in"),)), "dog", "line_crossed", 10),
        (Signs(crossed=(Crossed("Gate", "outwards", "out"),)), "dog", "line_crossed", 3),
    ],
)
def test_what_things_do_counts(
    signs: Signs, class_name: str, name: str, points: int | None
) -> None:
    assert factors([thing(signs, class_name)]).get(name) == points


def test_a_crossing_inwards_goes_before_others() -> None:
    out = Signs(crossed=(Crossed("A", "outwards", "out"),))
    home = Signs(crossed=(Crossed("B", "inwards", "in"),))
    judgement = judge(facts_of(NOON, [thing(out), thing(home)]), ZONE)
    (crossed,) = [one for one in judgement.factors if one.name == "line_crossed"]
    assert crossed.evidence == {"line": "B", "direction": "inwards", "times": 1}


def test_the_summary_names_the_weightiest_zones() -> None:
    frame = [thing(in_zone(name, weight)) for name, weight in (("A", 1), ("B", 9), ("C", 5))]
    frame.append(thing(in_zone("D", -3)))
    assert judge(facts_of(NOON, frame), ZONE).summary == "4 x person at 12:00:00, in B, C, A"


@given(st.lists(st.lists(detections, min_size=1, max_size=3), min_size=2, max_size=4))
def test_the_order_of_frames_does_not_matter(frames: list[list[Detection]]) -> None:
    doings = [doings_of(frame) for frame in frames]
    forth = back = doings[0]
    for one in doings[1:]:
        forth = forth.merged(one)
    back = doings[-1]
    for one in reversed(doings[:-1]):
        back = back.merged(one)
    assert forth == back
