"""Signs are read off a detection's track, and off what people have drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC

import pytest

from backend.domain.boxes import Box, Detection
from backend.domain.drawings import Drawings
from backend.domain.following import Seen, follow
from backend.domain.hours import hours_of
from backend.domain.lines import Line
from backend.domain.reading import read
from backend.domain.signs import Crossed, InZone, Signs
from backend.domain.tracks import Track
from backend.domain.zones import Zone
from backend.services.detection.assignment import assign
from backend.tests.fixtures.tracking_strategies import at

LEFT = Zone("Left", ((0, 0), (0.5, 0), (0.5, 1), (0, 1)), weight=-5)
RIGHT = Zone("Right", ((0.5, 0), (1, 0), (1, 1), (0.5, 1)), weight=20, priority=3)
ALL = Zone("All", ((0, 0), (1, 0), (1, 1), (0, 1)), weight=1)
# Inwards is to the right hand of who walks up along it: to the right.
GATE = Line("Gate", ((0.5, 1), (0.5, 0)), inwards="coming", outwards="going")
DRAWN = Drawings((LEFT, RIGHT, ALL), (GATE,))


def person(x: float, y: float = 0.3, scale: float = 1.0) -> Detection:
    """Somebody whose foot is below `x`."""
    width = 0.1 * scale
    return Detection("person", 0.9, Box(x - width / 2, y, width, 0.3 * scale))


def signs_of(
    sights: Sequence[tuple[float, Detection]], drawn: Drawings = DRAWN
) -> Iterator[tuple[Signs, Track]]:
    """The signs of one thing at each of its sights, and its track then."""
    tracks: tuple[Track, ...] = ()
    for second, detection in sights:
        followed = follow(tracks, at(second), [Seen(detection)], assign)
        (place,) = followed.places
        before = tracks[place] if place < len(tracks) else None
        signs, track = read(before, followed.tracks[place], detection, at(second), drawn, UTC)
        tracks = (track,)
        assert len(followed.tracks) == 1
        yield signs, track


def walk(*places: float) -> list[Signs]:
    return [signs for signs, _ in signs_of([(i / 2, person(x)) for i, x in enumerate(places)])]


def test_the_zone_of_the_highest_priority_comes_first() -> None:
    (signs,) = walk(0.7)
    assert signs.zones == (InZone("Right", 20), InZone("All", 1))


def test_entering_and_leaving_are_told_once() -> None:
    first, second, third, fourth = walk(0.4, 0.45, 0.55, 0.6)
    assert [zone.name for zone in first.zones] == ["All", "Left"]
    assert not any(zone.entered for zone in first.zones)  # it was there when it was first seen
    assert second.left == ()
    assert (third.left, third.zones[0]) == (("Left",), InZone("Right", 20, 0.0, entered=True))
    assert (fourth.left, fourth.zones[0]) == ((), InZone("Right", 20, 0.5))
    assert fourth.zones[1] == InZone("All", 1, 1.5)


def test_a_crossing_is_told_at_the_first_sight_beyond() -> None:
    signs = walk(0.4, 0.45, 0.55, 0.6, 0.55, 0.45)
    assert [one.crossed for one in signs] == [
        (),
        (),
        (Crossed("Gate", "inwards", "coming"),),
        (),
        (),
        (Crossed("Gate", "outwards", "going"),),
    ]


def test_who_comes_nearer_grows() -> None:
    sights = [(i / 2, person(0.5, scale=1 + 0.2 * i)) for i in range(4)]
    assert [signs.approach for signs, _ in signs_of(sights)] == [1.0, 1.2, 1.4, 1.6]


def test_what_the_edge_of_the_picture_hides_at_first_only_seems_to() -> None:
    """First a head at the lower edge, then the whole figure."""
    head = Detection("person", 0.6, Box(0.45, 0.85, 0.1, 0.15))
    whole = Detection("person", 0.9, Box(0.45, 0.6, 0.1, 0.38))
    (_, _), (signs, _) = signs_of([(0, head), (0.5, whole)])
    assert signs.approach == 1.0


def test_standing_is_counted_from_the_first_sight_in_that_spot() -> None:
    sights = [(second, person(0.5)) for second in (0, 1, 2, 3)]
    assert [signs.still for signs, _ in signs_of(sights)] == [0.0, 1.0, 2.0, 3.0]


def test_an_old_frame_says_where_and_nothing_of_coming_and_going() -> None:
    *_, (_, track) = signs_of([(i / 2, person(0.3 + 0.1 * i)) for i in range(4)])
    signs, after = read(track, track, person(0.7), at(0.7), DRAWN, UTC)
    assert signs == Signs(zones=(InZone("Right", 20), InZone("All", 1)))
    assert after is track


def test_nothing_is_drawn_nothing_is_said_of_it() -> None:
    ((signs, track),) = signs_of([(0, person(0.5))], Drawings())
    assert signs == Signs()
    assert track.within == ()


@pytest.mark.parametrize("enabled", [True, False])
def test_a_zone_that_is_switched_off_is_none(enabled: bool) -> None:
    ((signs, _),) = signs_of([(0, person(0.5))], Drawings((replace(ALL, enabled=enabled),)))
    assert bool(signs.zones) is enabled


def test_who_stands_beyond_a_line_has_crossed_it_once() -> None:
    """The path forgets the points of a stay; the crossing must not be told with each of them."""
    signs = walk(0.4, 0.45, *[0.505 + 0.001 * (i % 3) for i in range(20)])
    assert sum(len(one.crossed) for one in signs) == 1


def test_a_long_walk_tells_each_crossing_once() -> None:
    """However many points its path has lost since."""
    places = [0.1 + 0.01 * i for i in range(80)]
    assert sum(len(one.crossed) for one in walk(*places)) == 1


def test_who_sways_upon_a_line_crosses_it_once() -> None:
    signs = walk(0.47, *[0.5 + 0.008 * (-1) ** i for i in range(60)])
    assert sum(len(one.crossed) for one in signs) == 1


def test_a_zone_whose_hours_begin_was_not_entered() -> None:
    evening = replace(ALL, name="Night", hours=hours_of("22:00-06:00"))  # at(0) is 22:00
    drawn = Drawings((evening,))
    sights = [(second, person(0.5)) for second in (-2, -1, 0, 1)]
    zones = [signs.zones for signs, _ in signs_of(sights, drawn)]
    assert [[zone.name for zone in found] for found in zones] == [[], [], ["Night"], ["Night"]]
    assert not any(zone.entered for found in zones for zone in found)
