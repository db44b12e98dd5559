"""Zones: who is in them, and for how long."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backend.domain import zones as rules
from backend.domain.boxes import Box, Detection, foot_point
from backend.domain.hours import Hours
from backend.domain.shapes import Point, Points, contains, share_within
from backend.domain.zones import Stay, Zone, stays, zones_of
from backend.tests.fixtures.strategies import boxes
from backend.tests.fixtures.zone_strategies import BEGIN, polygons, stars

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LOWER_HALF: Points = ((0, 0.5), (1, 0.5), (1, 1), (0, 1))
LEFT_HALF: Points = ((0, 0), (0.5, 0), (0.5, 1), (0, 1))
YARD = Zone("yard", LOWER_HALF)
PERSON = Detection("person", 0.9, Box(0.4, 0.2, 0.2, 0.4))
HIGH_UP = Detection("person", 0.9, Box(0.4, 0.05, 0.2, 0.4))


def names(detection: Detection, *zones: Zone, at: datetime = NOON) -> tuple[str, ...]:
    return zones_of(detection, zones, at, BERLIN)


def test_the_foot_point_decides() -> None:
    assert foot_point(Box(0.25, 0.125, 0.25, 0.25)) == (0.375, 0.375)
    assert names(PERSON, YARD) == ("yard",)
    assert names(HIGH_UP, YARD) == ()


def test_what_reaches_to_the_lower_edge_of_the_picture_stands_on_it() -> None:
    box = Box(0.4, 0.9, 0.1, 0.1000000000000001)
    assert box.y + box.height > 1
    assert foot_point(box)[1] == 1
    assert names(Detection("person", 0.9, box), YARD) == ("yard",)


@pytest.mark.parametrize(("share", "inside"), [(0.25, True), (0.2500001, False), (1, False)])
def test_a_share_of_the_box_decides_where_asked(share: float, inside: bool) -> None:
    a_quarter = Detection("person", 0.9, Box(0.4, 0.2, 0.2, 0.4))
    assert names(a_quarter, replace(YARD, share=share)) == (("yard",) if inside else ())


def test_a_zone_is_for_its_classes_its_hours_and_only_while_enabled() -> None:
    assert names(PERSON, replace(YARD, classes=frozenset({"vehicle"}))) == ()
    assert names(PERSON, replace(YARD, enabled=False)) == ()
    night = replace(YARD, hours=Hours(time(22), time(6)))
    assert names(PERSON, night) == ()
    assert names(PERSON, night, at=datetime(2026, 3, 2, 21, tzinfo=UTC)) == ("yard",)
    assert names(PERSON, night, at=datetime(2026, 3, 2, 20, 59, tzinfo=UTC)) == ()


def test_zones_are_named_by_priority_then_by_name() -> None:
    found = names(
        PERSON,
        Zone("b", LOWER_HALF),
        Zone("left", LEFT_HALF, priority=5),
        Zone("a", LOWER_HALF),
        Zone("gate", LOWER_HALF, priority=9),
    )
    assert found == ("gate", "left", "a", "b")


@given(st.permutations([Zone(name, LOWER_HALF, priority=i % 2) for i, name in enumerate("abcd")]))
def test_the_order_in_which_zones_come_does_not_matter(zones: Sequence[Zone]) -> None:
    assert names(PERSON, *zones) == ("b", "d", "a", "c")


@given(polygons, boxes())
def test_a_zone_holds_whose_foot_it_contains(points: Points, box: Box) -> None:
    found = names(Detection("dog", 0.5, box), Zone("zone", points))
    assert (found == ("zone",)) == contains(points, foot_point(box))


mirrors: st.SearchStrategy[Callable[[Point], Point]] = st.sampled_from(
    [
        lambda point: (1 - point[0], point[1]),  # left and right
        lambda point: (point[0] / 2, point[1] / 2),  # seen from twice as far
        lambda point: (point[0] / 2 + 0.5, point[1] / 2 + 0.25),  # and moved
    ]
)


@given(polygons, boxes(), mirrors, st.none() | st.floats(0.1, 0.9))
def test_zone_and_detection_move_together(
    points: Points, box: Box, move: Callable[[Point], Point], share: float | None
) -> None:
    """But for upside down: one stands on one's feet."""
    (x1, y1), (x2, y2) = move((box.x, box.y)), move((box.x + box.width, box.y + box.height))
    moved = Box(min(x1, x2), y1, abs(x2 - x1), y2 - y1)
    # Where the decision hangs on a millionth, rounding decides.
    foot = foot_point(box)
    near = [(foot[0] + i * 3e-6, foot[1] + j * 3e-6) for i in (-1, 1) for j in (-1, 1)]
    if share is None:
        assume(len({contains(points, one) for one in near}) == 1)
    else:
        assume(abs(share_within(points, box) - share) > 1e-4)
    there = Zone("zone", tuple(move(point) for point in points), share=share)
    assert names(Detection("dog", 0.5, moved), there) == names(
        Detection("dog", 0.5, box), Zone("zone", points, share=share)
    )


@given(stars(), boxes(), st.floats(1.001, 1.02))
def test_who_is_in_a_zone_is_in_it_when_it_grows(points: Points, box: Box, factor: float) -> None:
    grown = tuple((0.5 + (x - 0.5) * factor, 0.5 + (y - 0.5) * factor) for x, y in points)
    detection = Detection("dog", 0.5, box)
    for share in (None, 0.5):
        before = names(detection, Zone("zone", points, share=share))
        assert names(detection, Zone("zone", grown, share=share)) in {("zone",), before}


# --- Values of single fields.


@pytest.mark.parametrize(
    ("read", "raw", "words"),
    [
        (rules.colour, "red", 'must be a colour like "#3498db": six digits 0-9 or a-f'),
        (rules.colour, "#fff", 'must be a colour like "#3498db": six digits 0-9 or a-f'),
        (rules.colour, 255, 'must be a colour like "#3498db": six digits 0-9 or a-f'),
        (rules.weight, 51, "must be a whole number in -50..50"),
        (rules.weight, -51, "must be a whole number in -50..50"),
        (rules.weight, 0.5, "must be a whole number in -50..50"),
        (rules.weight, True, "must be a whole number in -50..50"),
        (rules.priority, -1, "must be a whole number in 0..100"),
        (rules.priority, 101, "must be a whole number in 0..100"),
        *[
            (
                rules.share,
                raw,
                "must be a part of the box, above 0 and at most 1, or null: its foot point",
            )
            for raw in (0, 1.01, -0.5, float("nan"), "half", True)
        ],
    ],
)
def test_what_is_no_value(read: Callable[[object], object], raw: object, words: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        read(raw)


def test_the_ends_of_the_ranges_are_values() -> None:
    assert [rules.weight(one) for one in (-50, 0, 50)] == [-50, 0, 50]
    assert [rules.priority(one) for one in (0, 100)] == [0, 100]
    assert [rules.share(one) for one in (0.01, 1)] == [0.01, 1]
    assert rules.colour("#3498DB") == "#3498db"


# --- Stays.


def seconds(after: float) -> datetime:
    return BEGIN + timedelta(seconds=after)


def sights(text: str) -> list[tuple[datetime, frozenset[str]]]:
    """A sight each second: a letter for each zone that it was in, a dot for none."""
    return [(seconds(i), frozenset(word) - {"."}) for i, word in enumerate(text.split())]


def a_stay(zone: str, entered: int, seen: int, left: int | None, *, came_in: bool) -> Stay:
    left_at = None if left is None else seconds(left)
    return Stay(zone, seconds(entered), seconds(seen), left_at, came_in)


@pytest.mark.parametrize(
    ("track", "expected"),
    [
        ("", []),
        (". . .", []),
        ("a", [a_stay("a", 0, 0, None, came_in=False)]),
        (". a a .", [a_stay("a", 1, 2, 3, came_in=True)]),
        (
            "a a . a",
            [a_stay("a", 0, 1, 2, came_in=False), a_stay("a", 3, 3, None, came_in=True)],
        ),
        (
            "a ab b .",
            [a_stay("a", 0, 1, 2, came_in=False), a_stay("b", 1, 2, 3, came_in=True)],
        ),
    ],
)
def test_stays(track: str, expected: list[Stay]) -> None:
    assert stays(sights(track)) == tuple(expected)


def test_how_long_something_was_surely_there() -> None:
    (stay,) = stays(sights(". a a a ."))
    assert stay.dwell == timedelta(seconds=2)


def test_a_short_pause_ends_no_stay() -> None:
    flicker = sights(". a . a . . . a")
    assert stays(flicker, pause=timedelta(seconds=1)) == (
        a_stay("a", 1, 3, 4, came_in=True),
        a_stay("a", 7, 7, None, came_in=True),
    )
    assert len(stays(flicker)) == 3
    assert stays(flicker, pause=timedelta(seconds=3)) == (a_stay("a", 1, 7, None, came_in=True),)


def test_who_is_outside_has_left_even_if_only_just() -> None:
    (stay,) = stays(sights("a ."), pause=timedelta(minutes=1))
    assert stay.left_at == seconds(1)


letters = st.frozensets(st.sampled_from("abc"))
tracks = st.lists(letters, max_size=12).map(
    lambda zones: [(seconds(i), one) for i, one in enumerate(zones)]
)
pauses = st.integers(0, 4).map(lambda many: timedelta(seconds=many))
Track = list[tuple[datetime, frozenset[str]]]


@given(tracks, pauses)
def test_one_has_entered_as_often_as_left_or_once_more(track: Track, pause: timedelta) -> None:
    found = stays(track, pause=pause)
    for zone in "abc":
        of_zone = [stay for stay in found if stay.zone == zone]
        still_in = len(of_zone) - sum(stay.left_at is not None for stay in of_zone)
        assert still_in == (1 if track and zone in track[-1][1] else 0)
        assert all(stay.left_at is not None for stay in of_zone[:-1])


@given(tracks)
def test_without_pause_the_stays_are_the_sights_within(track: Track) -> None:
    found = stays(track)
    for at, zones in track:
        assert zones == {one.zone for one in found if one.entered_at <= at <= one.seen_at}


@given(st.data())
def test_sights_may_come_in_any_order(data: st.DataObject) -> None:
    track = data.draw(tracks)
    shuffled = data.draw(st.permutations(track))
    assert stays(shuffled) == stays(track)


@given(tracks, pauses)
def test_a_longer_pause_joins_stays_and_loses_no_time(track: Track, pause: timedelta) -> None:
    joined, apart = stays(track, pause=pause), stays(track)
    assert len(joined) <= len(apart)
    assert sum((one.dwell for one in joined), timedelta()) >= sum(
        (one.dwell for one in apart), timedelta()
    )
