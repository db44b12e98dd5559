"""The real video, a frame every half a second, through the functions that the pipeline uses."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import cv2
import pytest

from backend.domain.following import Seen, follow
from backend.domain.prints import likeness
from backend.domain.scene import settle
from backend.domain.tracks import Heading, Track, heading
from backend.services.detection.assignment import assign
from backend.services.detection.detector import Pixels, View
from backend.services.detection.model_detector import ModelDetector, load
from backend.services.detection.picture import decode
from backend.services.detection.prints import print_of
from backend.tests.fixtures.tracking_strategies import Frame, track_of

DATA = Path(__file__).parents[6] / "shared" / "data"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EVERY = 5  # of the video's ten frames per second

pytestmark = [
    pytest.mark.skipif(not (DATA / "videos.json").exists(), reason=f"no real video in {DATA}"),
    pytest.mark.slow,
    pytest.mark.no_cover,  # hundreds of frames take the same ways again and again
]


@dataclass(frozen=True)
class Visit:
    start: float
    end: float


@cache
def visits() -> list[Visit]:
    (video,) = json.loads((DATA / "videos.json").read_text(encoding="utf-8"))["videos"]
    return [Visit(visit["start_s"], visit["end_s"]) for visit in video["visits"]]


def visit_at(second: float) -> int | None:
    return next((i for i, v in enumerate(visits()) if v.start <= second <= v.end), None)


def frames() -> Iterator[tuple[float, Pixels]]:
    """As a camera would upload them: as JPEG files."""
    (video,) = json.loads((DATA / "videos.json").read_text(encoding="utf-8"))["videos"]
    capture = cv2.VideoCapture(str(DATA / video["file"]))
    number = 0
    while capture.grab():
        if number % EVERY == 0:
            _, picture = capture.retrieve()
            _, jpeg = cv2.imencode(".jpg", picture)
            size = video["width"], video["height"]
            yield number / video["fps"], decode(jpeg.tobytes(), longest=640, full_size=size)
        number += 1
    capture.release()


@pytest.fixture(scope="module")
def detector() -> Iterator[ModelDetector]:
    detector = load(DATA / "models" / "yolox_nano_dyn.onnx", threads=1, confidence=0.5)
    yield detector
    detector.close()


Shown = tuple[float, tuple[Seen, ...]]


@pytest.fixture(scope="module")
def shown(detector: ModelDetector) -> list[Shown]:
    """What is found in each frame."""
    return [
        (
            second,
            tuple(
                Seen(one, print_of(pixels, one.box))
                for one in detector.look([(pixels, 0.5)])[0].detections
            ),
        )
        for second, pixels in frames()
    ]


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def followed(shown: Sequence[Shown]) -> tuple[tuple[Track, ...], dict[int, set[int]], int]:
    """The tracks, those of each visit, and how many detections were taken for scene."""
    tracks: tuple[Track, ...] = ()
    of_visit: dict[int, set[int]] = {}
    scene = 0
    for second, things in shown:
        step = follow(tracks, at(second), things, assign)
        settled = settle(tracks, step, at(second))
        tracks = settled.tracks
        scene += sum(settled.is_scene)
        for place in step.places:
            visit = visit_at(second)
            assert visit is not None
            of_visit.setdefault(visit, set()).add(place)
    return tracks, of_visit, scene


def test_nothing_is_found_while_nobody_is_there(shown: list[Shown]) -> None:
    assert [second for second, things in shown if things and visit_at(second) is None] == []


def test_six_visits_are_six_tracks(shown: list[Shown]) -> None:
    tracks, of_visit, scene = followed(shown)
    assert of_visit == {visit: {visit} for visit in range(6)}
    assert scene == 0
    for track, visit in zip(tracks, visits(), strict=True):
        assert track.class_name == "person"
        assert track.seen_moving
        # All come in from below, and leave to the right.
        assert heading(track) is Heading.RIGHT
        # The first and the last moment show a head or a foot only.
        assert timedelta(0) <= track.first_at - at(visit.start) <= timedelta(seconds=1.5)
        assert timedelta(0) <= at(visit.end) - track.last_at <= timedelta(seconds=1.5)


@pytest.mark.parametrize("first", [0, 1])
def test_a_frame_a_second_is_enough(shown: list[Shown], first: int) -> None:
    assert followed(shown[first::2])[1] == {visit: {visit} for visit in range(6)}


@pytest.mark.parametrize("every", [1, 2, 3, 5, 10])
def test_who_comes_in_and_stays_is_never_scene(shown: list[Shown], every: int) -> None:
    """Each visit, with its middle held for forty minutes, at the pace of an uploading camera."""
    for visit in visits():
        seen = [things for second, things in shown if visit.start <= second <= visit.end]
        third = len(seen) // 3
        middle = seen[third : 2 * third]
        held = [middle[7 * i % len(middle)] for i in range(40 * 60 // every)]
        pictures = [*seen[: third : 2 * every], *held, *seen[2 * third :: 2 * every]]
        sights = [(float(every * i), things) for i, things in enumerate(pictures)]
        nobody: list[Frame] = [(at(-every), ())]
        steps = track_of([*nobody, *((at(second), things) for second, things in sights)])
        assert not any(any(step.is_scene) for step in steps), visit


def test_frames_without_anybody_need_not_be_told_where_frames_are_dense(
    shown: list[Shown],
) -> None:
    seen = [one for one in shown if one[1]]
    assert followed(seen)[1] == {visit: {visit} for visit in range(6)}


def test_a_person_looks_more_like_the_same_person_than_like_the_next(shown: list[Shown]) -> None:
    middles = [(visit.start + visit.end) / 2 for visit in visits()]
    prints = [
        [things[0].print for second, things in shown if things and abs(second - middle) <= 1.5]
        for middle in middles
    ]
    same = min(likeness(one[0], other) for one in prints for other in one)
    others = max(likeness(one[0], other[0]) for i, one in enumerate(prints) for other in prints[:i])
    assert same > others


async def test_the_detector_says_the_same_as_in_the_pipeline(
    detector: ModelDetector, shown: list[Shown]
) -> None:
    """The fixture asks its thread's function directly, since no loop lives as long as a module."""
    second, pixels = next((s, p) for s, p in frames() if s == 10.0)
    things = dict(shown)[second]
    findings = await detector.detect(View(1, at(second), pixels), None)
    assert findings.detections == tuple(thing.detection for thing in things)
