"""Facts, factors, scores."""

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.boxes import Box, Detection
from backend.domain.risk import Facts, Level, facts_of, judge, level_of
from backend.tests.fixtures.strategies import facts, named_zones, summed, visits

Frames = list[tuple[int, list[Detection]]]

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 1, 11, 0, tzinfo=UTC)
NIGHT = datetime(2026, 3, 1, 1, 30, tzinfo=UTC)


def thing(class_name: str, confidence: float = 0.8) -> Detection:
    return Detection(class_name, confidence, Box(0.1, 0.1, 0.2, 0.4))


def visit(begin: datetime, seconds: int, *classes: str) -> Facts:
    things = [thing(name) for name in classes]
    return facts_of(begin, things).merged(facts_of(begin + timedelta(seconds=seconds), things))


@pytest.mark.parametrize(
    ("score", "level"),
    [
        (0, Level.LOW),
        (29, Level.LOW),
        (30, Level.MEDIUM),
        (59, Level.MEDIUM),
        (60, Level.HIGH),
        (84, Level.HIGH),
        (85, Level.CRITICAL),
        (100, Level.CRITICAL),
    ],
)
def test_bands(score: int, level: Level) -> None:
    assert level_of(score) is level


@pytest.mark.parametrize("score", [-1, 101])
def test_a_score_out_of_range_has_no_level(score: int) -> None:
    with pytest.raises(ValueError, match=r"0\.\.100"):
        level_of(score)


@pytest.mark.parametrize(
    ("facts", "level"),
    [
        pytest.param(visit(NOON, 5, "cat"), Level.LOW, id="a cat by day"),
        pytest.param(visit(NIGHT, 5, "cat"), Level.LOW, id="a cat by night"),
        pytest.param(visit(NOON, 5, "car"), Level.LOW, id="a car by day"),
        pytest.param(visit(NIGHT, 5, "car"), Level.MEDIUM, id="a car by night"),
        pytest.param(visit(NOON, 5, "motion"), Level.LOW, id="mere motion"),
        pytest.param(visit(NOON, 5, "person"), Level.MEDIUM, id="a person by day"),
        pytest.param(visit(NIGHT, 5, "person"), Level.HIGH, id="a person by night"),
        pytest.param(visit(NIGHT, 700, "person", "person"), Level.CRITICAL, id="two, all night"),
    ],
)
def test_what_an_owner_would_expect(facts: Facts, level: Level) -> None:
    assert judge(facts, BERLIN).level is level


def test_every_point_has_a_factor_with_its_evidence() -> None:
    judgement = judge(visit(NIGHT, 200, "person", "person", "car"), BERLIN)
    assert {f.name: (f.points, dict(f.evidence)) for f in judgement.factors} == {
        "person_seen": (35, {"frames_with_person": 2}),
        "vehicle_seen": (15, {"frames_with_car": 2}),
        "confidence": (8, {"best": 0.8}),
        "several_persons": (5, {"at_once": 2}),
        "stays": (10, {"seconds": 200}),
        "at_night": (25, {"local_time": "02:30", "zone": "Europe/Berlin"}),
    }
    assert judgement.score == 98
    assert judgement.summary == "2 x person, car at 02:30:00 for 200 s"


def test_the_evidence_of_a_group_counts_frames_by_class() -> None:
    """A car and a truck in one frame are not two frames."""
    judgement = judge(facts_of(NOON, [thing("car"), thing("truck")]), BERLIN)
    (seen,) = [factor for factor in judgement.factors if factor.name == "vehicle_seen"]
    assert (seen.points, dict(seen.evidence)) == (
        15,
        {"frames_with_car": 1, "frames_with_truck": 1},
    )


def test_the_time_of_day_is_the_cameras() -> None:
    by_day_in_berlin = visit(datetime(2026, 3, 1, 5, 30, tzinfo=UTC), 0, "person")
    assert judge(by_day_in_berlin, BERLIN).level is Level.MEDIUM
    assert judge(by_day_in_berlin, ZoneInfo("UTC")).level is Level.HIGH


def test_a_higher_score_is_never_a_lower_level_and_no_level_is_left_out() -> None:
    levels = [level_of(score) for score in range(101)]
    assert levels == sorted(levels, key=list(Level).index)
    assert set(levels) == set(Level)


@given(visits, st.randoms(use_true_random=False))
def test_facts_do_not_depend_on_the_order_of_frames(frames: Frames, random: Random) -> None:
    shuffled = list(frames)
    random.shuffle(shuffled)
    assert summed(shuffled) == summed(frames)


@given(facts, facts, facts)
def test_facts_do_not_depend_on_what_was_added_up_first(a: Facts, b: Facts, c: Facts) -> None:
    assert a.merged(b).merged(c) == a.merged(b.merged(c))


@given(visits)
def test_facts_count_each_frame_once_and_each_class_as_often_as_it_was_seen(frames: Frames) -> None:
    total = summed(frames)
    assert total.frames == len(frames)
    for name, seen in total.seen.items():
        counts = [sum(t.class_name == name for t in things) for _, things in frames]
        assert (seen.frames, seen.most) == (sum(map(bool, counts)), max(counts))


@given(visits, named_zones)
def test_the_points_add_up_to_the_score(frames: Frames, zone: ZoneInfo) -> None:
    judgement = judge(summed(frames), zone)
    assert sum(f.points for f in judgement.factors) == judgement.score
    assert 0 <= judgement.score <= 100
    assert len({f.name for f in judgement.factors}) == len(judgement.factors)
    assert all(f.points for f in judgement.factors)
    assert judge(summed(frames), zone) == judgement


@given(visits, visits)
def test_seeing_more_at_the_same_time_never_lowers_the_score(some: Frames, more: Frames) -> None:
    # The begin stays, since a visit that turns out to have begun by day is no longer one by night.
    begin = [(0, some[0][1])]
    less = judge(summed(begin + some), BERLIN).score
    assert judge(summed(begin + some + more), BERLIN).score >= less
