"""What can be read off a track."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from backend.domain.boxes import Box
from backend.domain.tracks import (
    MAX_PATH,
    Heading,
    Track,
    approach,
    displacement,
    dwell,
    heading,
    kind_of,
    place_at,
    speed,
    still_for,
)
from backend.tests.fixtures.tracking_strategies import Frame, at, seen, track_of, walks

BOX = Box(0.4, 0.4, 0.1, 0.2)


def walked(right: float, down: float, frames: int = 5) -> Track:
    """So many boxes per second."""
    shown = [
        (
            at(i / 2),
            (seen("person", replace(BOX, x=0.4 + right * i / 20, y=0.4 + down * i / 10)),),
        )
        for i in range(frames)
    ]
    (track,) = track_of(shown)[-1].tracks
    return track


@pytest.mark.parametrize(
    ("right", "down", "expected"),
    [
        (1.0, 0.1, Heading.RIGHT),
        (-1.0, 0.1, Heading.LEFT),
        (0.1, 0.9, Heading.NEARER),
        (0.1, -0.9, Heading.AWAY),
        (0.1, 0.1, None),
    ],
)
def test_heading_and_speed(right: float, down: float, expected: Heading | None) -> None:
    track = walked(right, down)
    assert heading(track) is expected
    if expected is not None:
        assert speed(track) == pytest.approx((right**2 + down**2) ** 0.5)
    assert dwell(track) == timedelta(seconds=2)


def test_what_comes_nearer_grows() -> None:
    shown: list[Frame] = [
        (at(i / 2), (seen("person", Box(0.4, 0.4, 0.1 * 1.2**i, 0.2 * 1.2**i)),)) for i in range(3)
    ]
    assert approach(track_of(shown)[-1].tracks[0]) == pytest.approx(1.44)


@pytest.mark.parametrize(
    ("after", "boxes"),
    [
        pytest.param(BOX, 0, id="nothing"),
        pytest.param(Box(0.45, 0.4, 0.1, 0.2), 0.5, id="to the right"),
        pytest.param(Box(0.4, 0.3, 0.1, 0.2), 0.5, id="up"),
        pytest.param(Box(0.45, 0.4, 0.05, 0.2), 0, id="its left half is hidden"),
        pytest.param(Box(0.4, 0.4, 0.2, 0.2), 0, id="taken together with its neighbour"),
        pytest.param(Box(0.4, 0.3, 0.1, 0.3), 0, id="a person who gets up"),
        pytest.param(Box(0.38, 0.36, 0.14, 0.28), 0.2, id="nearer"),
    ],
)
def test_displacement(after: Box, boxes: float) -> None:
    assert displacement(BOX, after) == pytest.approx(boxes)


def test_still_for_begins_anew_where_a_thing_comes_to_stand() -> None:
    way = [replace(BOX, x=0.1 * i) for i in range(5)]
    way += [way[-1]] * 20
    shown = [(at(i / 2), (seen("person", box),)) for i, box in enumerate(way)]
    steps = track_of(shown)
    assert still_for(steps[3].tracks[0]) == timedelta(0)
    track = steps[-1].tracks[0]
    assert track.seen_moving
    assert still_for(track) == timedelta(seconds=10)


def test_swaying_is_no_moving() -> None:
    shown = [(at(i), (seen("person", replace(BOX, x=0.4 + 0.008 * (i % 2))),)) for i in range(60)]
    assert not track_of(shown)[-1].tracks[0].seen_moving


def test_a_path_is_bounded_and_a_stay_is_two_points() -> None:
    stays = track_of([(at(i), (seen("person", BOX),)) for i in range(100)])[-1].tracks[0]
    assert [point.at for point in stays.path] == [at(0), at(99)]
    long = track_of(
        [(at(i / 2), (seen("person", Box(0.001 * i, 0.1, 0.005, 0.2)),)) for i in range(300)]
    )[-1].tracks[0]
    assert MAX_PATH / 2 <= len(long.path) <= MAX_PATH
    assert (long.path[0].at, long.path[-1].at) == (at(0), at(149.5))


@given(walks)
def test_the_path_is_in_order_and_tells_where_it_was(shown: list[Frame]) -> None:
    (track,) = track_of(shown)[-1].tracks
    assert [point.at for point in track.path] == sorted({point.at for point in track.path})
    for point in track.path:
        assert place_at(track, point.at) == pytest.approx((point.x, point.y))


@pytest.mark.parametrize(
    ("one", "other"),
    [("car", "bus"), ("bicycle", "motorcycle"), ("dog", "cat")],
)
def test_classes_that_are_taken_for_one_another_are_one_kind(one: str, other: str) -> None:
    assert kind_of(one) == kind_of(other)


def test_other_classes_are_not() -> None:
    kinds = [kind_of(name) for name in ("person", "car", "bicycle", "dog", "bird", "motion")]
    assert len(set(kinds)) == len(kinds)
