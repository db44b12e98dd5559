"""A night of vehicles that stand still, made from real photographs, seen by a real detector."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from backend.domain.boxes import overlap
from backend.domain.following import Seen, follow
from backend.domain.scene import LEAST_SIGHTINGS, STILL_AT_FIRST, settle
from backend.domain.tracks import Track, TrackState, kind_of
from backend.services.detection.assignment import assign
from backend.services.detection.detector import Pixels
from backend.services.detection.model_detector import ModelDetector, load
from backend.services.detection.prints import print_of
from backend.tests.fixtures.parked_night import night_of

DATA = Path(__file__).parents[6] / "shared" / "data"
START = datetime(2026, 3, 1, 21, 0, tzinfo=UTC)
FRAMES = 90
SURE = 0.6

pytestmark = [
    pytest.mark.skipif(
        not (DATA / "labels.json").exists(), reason=f"no real photographs in {DATA}"
    ),
    pytest.mark.slow,
    pytest.mark.no_cover,  # hundreds of frames take the same ways again and again
]


@pytest.fixture(scope="module")
def detector() -> Iterator[ModelDetector]:
    detector = load(DATA / "models" / "yolox_nano_dyn.onnx", threads=1, confidence=0.5)
    yield detector
    detector.close()


def photograph(name: str) -> Pixels:
    pixels = cv2.imread(str(DATA / "images" / name))
    assert pixels is not None
    scale = 640 / max(pixels.shape[:2])
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False)


# From the sure to the hardly seen: a bus; a truck that half of the frames call a car; two small
# cars far away, and more behind them that are found now and then.
PHOTOGRAPHS = ["school_bus.jpg", "porch_dog_bicycle_truck.jpg", "street_day_vehicles.jpg"]


@pytest.fixture(scope="module", params=PHOTOGRAPHS)
def found(request: pytest.FixtureRequest, detector: ModelDetector) -> list[tuple[Seen, ...]]:
    """The cars, trucks and buses of each frame of a night."""
    return [
        tuple(
            Seen(one, print_of(pixels, one.box))
            for one in detector.look([(pixels, 0.5)])[0].detections
            if kind_of(one.class_name) == "vehicle"
        )
        for pixels in night_of(photograph(request.param), FRAMES)
    ]


@pytest.mark.parametrize("every", [5, 30, 300])
def test_what_stands_is_no_news_and_keeps_its_track(
    found: list[tuple[Seen, ...]], every: float
) -> None:
    """Each thing is news at its first few sights, half a minute at least, and never again."""
    tracks: tuple[Track, ...] = ()
    news: Counter[int] = Counter()
    departed: Counter[int] = Counter()
    for number, things in enumerate(found):
        at = START + timedelta(seconds=every * number)
        step = follow(tracks, at, things, assign)
        settled = settle(tracks, step, at)
        places = zip(step.places, settled.is_scene, strict=True)
        news.update(place for place, is_scene in places if not is_scene)
        departed.update(settled.departed)
        tracks = settled.tracks
    most = max(LEAST_SIGHTINGS, STILL_AT_FIRST.total_seconds() / every + 1)
    assert max(news.values()) <= most
    # What is hardly found at all may be said to have left, and be news when it is back,
    # but not time and again.
    assert all(times == 1 for times in departed.values())
    sure = [track for track in tracks if track.sightings > FRAMES / 2]
    assert len(sure) == sum(thing.detection.confidence >= SURE for thing in found[0])
    assert all(track.first_at == START for track in sure)
    assert all(track.state is TrackState.SCENE and not track.seen_moving for track in sure)


def test_the_night_is_a_hard_one(found: list[tuple[Seen, ...]]) -> None:
    """Else nothing would have been proved: boxes shake, and lights change the look."""
    first = max(found[0], key=lambda thing: thing.detection.confidence)
    fits = [max((overlap(first.box, s.box) for s in things), default=0) for things in found]
    assert min(fits) < 0.9
