"""Which detection continues which track?"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backend.domain.boxes import Box
from backend.domain.following import (
    LIVING_MEMORY,
    MOST_TRACKS,
    PARKED_MEMORY,
    Seen,
    cost,
    follow,
)
from backend.domain.tracks import Track, TrackState, can_be_confused
from backend.services.detection.assignment import assign
from backend.tests.fixtures.tracking_strategies import (
    Frame,
    at,
    frames,
    seen,
    steps,
    track_of,
    walks,
)

BOX = Box(0.4, 0.4, 0.1, 0.2)
LIGHT, DARK = bytes(range(0, 256, 4)), bytes(reversed(range(0, 256, 4)))


def shifted(box: Box, x: float = 0.0, y: float = 0.0) -> Box:
    return replace(box, x=box.x + x, y=box.y + y)


def count_of_tracks(shown: Sequence[tuple[float, Sequence[Seen]]]) -> int:
    return len(track_of([(at(second), tuple(things)) for second, things in shown])[-1].tracks)


@pytest.mark.parametrize(
    ("class_name", "seconds", "box", "tracks"),
    [
        pytest.param("person", 0.5, shifted(BOX, 0.1), 1, id="a step to the side"),
        pytest.param("person", 0.5, shifted(BOX, 0.3), 2, id="nobody is so fast"),
        pytest.param("person", 5, shifted(BOX, 0.3), 2, id="far, and nothing tells who it is"),
        pytest.param("person", 59, BOX, 2, id="in its place, a minute later: who knows?"),
        pytest.param("car", 59, BOX, 1, id="a car in its place"),
        pytest.param("truck", 5, BOX, 1, id="a car that looks like a truck"),
        pytest.param("bicycle", 0.5, BOX, 2, id="a bicycle in front of it"),
    ],
)
def test_the_next_sight(class_name: str, seconds: float, box: Box, tracks: int) -> None:
    """Without prints: only the place tells."""
    first = "car" if class_name in {"truck", "bicycle"} else class_name
    shown = [(0.0, [seen(first, BOX)]), (seconds, [seen(class_name, box)])]
    assert count_of_tracks(shown) == tracks


@pytest.mark.parametrize(("look", "tracks"), [(LIGHT, 1), (DARK, 2)])
@pytest.mark.parametrize("x", [0.0, 0.3])
def test_seconds_apart_the_look_decides(look: bytes, tracks: int, x: float) -> None:
    shown = [
        (0.0, [seen("person", BOX, print_=LIGHT)]),
        (5.0, [seen("person", shifted(BOX, x), print_=look)]),
    ]
    assert count_of_tracks(shown) == tracks


def test_two_who_cross_keep_their_tracks() -> None:
    shown: list[Frame] = []
    for i in range(11):
        right = seen("person", shifted(BOX, -0.25 + 0.05 * i), print_=LIGHT)
        left = seen("person", shifted(BOX, 0.25 - 0.05 * i, 0.02), print_=DARK)
        shown.append((at(i / 2), (right, left)))
    one, other = track_of(shown)[-1].tracks
    assert {one.print, other.print} == {LIGHT, DARK}
    assert one.sightings == other.sightings == 11


def test_a_track_that_frames_show_without_is_not_continued_on_its_way() -> None:
    going = [(i / 2, [seen("person", shifted(BOX, 0.08 * i), print_=LIGHT)]) for i in range(4)]
    comes = (6.0, [seen("person", shifted(BOX, -0.05), print_=LIGHT)])
    without = [(2.0 + i / 2, list[Seen]()) for i in range(8)]
    assert count_of_tracks([*going, comes]) == 1
    assert count_of_tracks([*going, *without, comes]) == 2


def test_a_flip_of_the_class_splits_nothing_and_the_votes_decide() -> None:
    names = ["car", "truck", "car", "bus", "car"]
    shown = [(at(5 * i), (seen(name, BOX),)) for i, name in enumerate(names)]
    (track,) = track_of(shown)[-1].tracks
    assert track.class_name == "car"
    assert dict(track.votes) == {"car": 2.25, "truck": 0.75, "bus": 0.75}


def test_half_a_person_that_is_taken_for_a_dog_is_that_person() -> None:
    names = ["dog", "person", "person", "dog", "person"]
    shown = [(at(i / 2), (seen(name, BOX, print_=LIGHT),)) for i, name in enumerate(names)]
    (track,) = track_of(shown)[-1].tracks
    assert track.class_name == "person"


def test_a_person_and_a_dog_are_two() -> None:
    dog = Box(0.45, 0.5, 0.08, 0.1)
    shown = [(i / 2, [seen("person", BOX), seen("dog", dog)]) for i in range(6)]
    assert count_of_tracks(shown) == 2


def test_one_vehicle_that_is_told_twice_is_one() -> None:
    both = [seen("car", BOX), seen("truck", replace(BOX, width=0.12))]
    assert count_of_tracks([(0, both), (1, both)]) == 1


@pytest.mark.parametrize(
    ("class_name", "sights", "memory"),
    [("person", 3, LIVING_MEMORY), ("car", 2, PARKED_MEMORY), ("car", 1, timedelta(hours=1))],
)
def test_a_track_ends_when_its_memory_is_past(
    class_name: str, sights: int, memory: timedelta
) -> None:
    tracks = track_of([(at(i), (seen(class_name, BOX),)) for i in range(sights)])[-1].tracks
    last = at(sights - 1)
    assert follow(tracks, last + memory, [], assign).ended == ()
    over = follow(tracks, last + memory + timedelta(seconds=1), [], assign)
    assert over.ended == (0,)
    assert over.tracks[0].state is TrackState.ENDED


def test_what_is_remembered_is_bounded() -> None:
    many = MOST_TRACKS + 5
    passing = [(at(100 * i), (seen("car", Box(i / 100, 0.1, 0.009, 0.009)),)) for i in range(many)]
    tracks = track_of(passing)[-1].tracks
    open_ones = [i for i, track in enumerate(tracks) if track.state is not TrackState.ENDED]
    assert len(open_ones) <= MOST_TRACKS + 1
    assert open_ones[-1] == many - 1


# --- Frames that come late


def walk(seconds: Sequence[float]) -> list[Frame]:
    return [(at(s), (seen("person", shifted(BOX, 0.04 * s), print_=LIGHT),)) for s in seconds]


def test_an_old_frame_within_a_track_is_counted_and_changes_nothing_else() -> None:
    (track,) = track_of(walk([0, 1, 2, 3, 4]))[-1].tracks
    moment, things = walk([2.5])[0]
    late = follow([track], moment, things, assign)
    assert late.places == (0,)
    assert late.tracks == (replace(track, sightings=6, votes=(("person", 4.5),)),)


def test_an_old_frame_lets_a_track_begin_earlier() -> None:
    (track,) = track_of(walk([1, 2, 3]))[-1].tracks
    moment, things = walk([0])[0]
    (earlier,) = follow([track], moment, things, assign).tracks
    assert (earlier.first_at, earlier.first_box) == (at(0), things[0].box)
    assert earlier.path == (*track_of(walk([0]))[-1].tracks[0].path, *track.path)
    assert (earlier.last_at, earlier.last_box, earlier.rest) == (
        track.last_at,
        track.last_box,
        track.rest,
    )


def test_an_old_frame_of_something_else_stands_alone() -> None:
    (track,) = track_of(walk([0, 1, 2, 3, 4]))[-1].tracks
    late = follow([track], at(2), [seen("person", Box(0.05, 0.05, 0.1, 0.2))], assign)
    assert late.places == (1,)
    assert late.tracks[0] == track


@given(frames, frames)
def test_an_old_frame_never_changes_what_a_track_is_now(
    shown: list[Frame], others: list[Frame]
) -> None:
    tracks = track_of(shown)[-1].tracks
    late = follow(tracks, shown[0][0] - timedelta(seconds=1), others[0][1], assign)
    for before, after in zip(tracks, late.tracks, strict=False):
        assert after.first_at <= before.first_at
        assert now_of(after) == now_of(before)


def now_of(track: Track) -> tuple[object, ...]:
    return (
        *(track.last_at, track.last_box, track.rest, track.still_since, track.stirred),
        *(track.print, track.missed, track.state),
    )


# --- Properties


def places_of(shown: Sequence[Frame]) -> list[tuple[int, ...]]:
    """Which detections share a track, whatever the tracks' order."""
    tracks: tuple[Track, ...] = ()
    found: list[tuple[int, ...]] = []
    names: dict[int, int] = {}
    for moment, things in shown:
        followed = follow(tracks, moment, things, assign)
        tracks = followed.tracks
        found.append(tuple(names.setdefault(place, len(names)) for place in followed.places))
    return found


def has_no_ties(shown: Sequence[Frame]) -> bool:
    """Whether no two pairs of a frame cost the same, so that one assignment alone is the best."""
    tracks: tuple[Track, ...] = ()
    for moment, things in shown:
        costs = [cost(track, thing, moment) for track in tracks for thing in things]
        finite = sorted(one for one in costs if not math.isinf(one))
        if any(b - a < 1e-6 for a, b in itertools.pairwise(finite)):
            return False
        tracks = follow(tracks, moment, things, assign).tracks
    return True


def changed(shown: Sequence[Frame], change: Callable[[Box], Box]) -> list[Frame]:
    return [
        (
            moment,
            tuple(
                replace(one, detection=replace(one.detection, box=change(one.box)))
                for one in things
            ),
        )
        for moment, things in shown
    ]


@given(frames, steps, steps)
def test_moving_the_picture_changes_no_association(shown: list[Frame], x: float, y: float) -> None:
    assume(has_no_ties(shown))
    assert places_of(changed(shown, lambda box: shifted(box, x, y))) == places_of(shown)


@given(frames)
def test_mirroring_the_picture_changes_no_association(shown: list[Frame]) -> None:
    assume(has_no_ties(shown))
    mirrored = changed(shown, lambda box: replace(box, x=1 - box.x - box.width))
    assert places_of(mirrored) == places_of(shown)


@given(frames, st.randoms(use_true_random=False))
def test_the_order_of_the_detections_does_not_matter(shown: list[Frame], random: Random) -> None:
    turned = []
    for moment, things in shown:
        order = list(things)
        random.shuffle(order)
        turned.append((moment, tuple(order)))
    assert track_of(turned)[-1].tracks == track_of(shown)[-1].tracks


@given(frames)
def test_the_same_frames_give_the_same_tracks(shown: list[Frame]) -> None:
    assert track_of(shown) == track_of(shown)


@given(frames)
def test_every_detection_has_a_track_that_saw_it(shown: list[Frame]) -> None:
    tracks: tuple[Track, ...] = ()
    for moment, things in shown:
        followed = follow(tracks, moment, things, assign)
        assert len(followed.places) == len(things)
        assert len(followed.tracks) >= len(tracks)
        for place, thing in zip(followed.places, things, strict=True):
            track = followed.tracks[place]
            assert track.last_at == moment
            assert track.kind == thing.kind or can_be_confused(track.kind, thing.kind)
        tracks = followed.tracks


@given(walks)
def test_what_goes_steadily_is_one_track(shown: list[Frame]) -> None:
    (track,) = track_of(shown)[-1].tracks
    assert track.sightings == len(shown)
    assert track.first_box == shown[0][1][0].box
    assert track.last_box == shown[-1][1][0].box
