"""Hours before a camera, made from real photographs, through the stages and their tables."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from backend.services.detection.detector import Pixels
from backend.services.detection.model_detector import ModelDetector, load
from backend.tests.fixtures.collages import HEIGHT, WIDTH, are_there, jpeg_of, scene, with_thing
from backend.tests.fixtures.ledger import NOON, Ledger
from backend.tests.fixtures.parked_night import night_of
from backend.tests.fixtures.product import SHARED_DATA
from backend.tests.fixtures.stages import Works, backlog

pytestmark = [
    pytest.mark.skipif(not are_there(), reason="the real photographs (../shared/data) are absent"),
    pytest.mark.slow,
    pytest.mark.no_cover,  # hundreds of frames take the same ways again and again
]

DOWN = 230  # pixels, where things stand


@pytest.fixture
async def detector() -> AsyncIterator[ModelDetector]:
    model = load(SHARED_DATA / "models" / "yolox_nano_dyn.onnx", threads=1, confidence=0.5)
    yield model
    model.close()


@dataclass
class Story:
    """What a camera sees, picture by picture, and when."""

    at: datetime = NOON
    pictures: list[tuple[datetime, Pixels]] = field(default_factory=list)

    def shows(self, picture: Pixels, *, every: float) -> None:
        self.pictures.append((self.at, picture))
        self.at += timedelta(seconds=every)

    def moves(self, before: Pixels, name: str, places: Iterator[int] | range) -> None:
        """A thing in one place after the other, at each for a second."""
        for left in places:
            self.shows(with_thing(before, name, left, DOWN), every=1)

    def night(self, picture: Pixels, frames: int, *, every: float) -> tuple[datetime, datetime]:
        """The scene as it is, through a night; from when to when."""
        begin = self.at
        for one in night_of(picture, frames):
            self.shows(one, every=every)
        return begin, self.at


@pytest.fixture
def works(ledger: Ledger) -> Works:
    return Works(ledger)


async def told(works: Works, detector: ModelDetector, story: Story) -> list[dict[str, Any]]:
    """The events of a story that is over, each with its factors and how often it was judged."""
    camera = await works.ledger.camera()
    for at, picture in story.pictures:
        await works.ledger.frame(camera, at, picture=jpeg_of(picture), size=(WIDTH, HEIGHT))
    stage = works.stage(detector=detector)
    while "received" in (await works.ledger.states()).values():
        await stage.handle(backlog(camera))
    events = await works.ledger.rows(
        "SELECT e.*, a.factors FROM events e JOIN assessments a ON a.event_id = e.id WHERE "
        "a.number = (SELECT max(number) FROM assessments WHERE event_id = e.id) ORDER BY first_at"
    )
    for event in events:
        event["factors"] = {factor["name"] for factor in event["factors"]}
    return events


async def tracks(works: Works) -> list[dict[str, Any]]:
    return await works.ledger.rows("SELECT * FROM tracks ORDER BY id")


@pytest.mark.parametrize(("vehicle", "every"), [("bus", 20), ("truck", 90)])
async def test_a_night_of_a_parked_car(
    works: Works, detector: ModelDetector, vehicle: str, every: float
) -> None:
    """It comes, stands all night, somebody walks past, it leaves: three events, and no more."""
    empty, story = scene(), Story()
    parked = with_thing(empty, vehicle, 200, DOWN)
    story.shows(empty, every=5)
    came = story.at
    story.moves(empty, vehicle, range(600, 199, -50))
    first_night = story.night(parked, 60, every=every)
    walked = story.at
    story.moves(parked, "person", range(-20, 640, 60))
    second_night = story.night(parked, 40, every=every)
    left = story.at
    story.moves(empty, vehicle, range(200, -220, -50))
    story.night(empty, 20, every=every)

    arrival, passing, departure = await told(works, detector, story)
    assert came <= arrival["first_at"] <= came + timedelta(seconds=5)
    assert arrival["last_at"] < first_night[0] + timedelta(minutes=6)
    assert passing["classes"] == ["person"]
    assert walked <= passing["first_at"] <= passing["last_at"] < second_night[0]
    assert left <= departure["first_at"] <= left + timedelta(seconds=3)
    assert "departure" in departure["factors"]
    assert "departure" not in arrival["factors"] | passing["factors"]
    if every < 30:  # else the event is over before it has stood for long enough
        assert "arrival" in arrival["factors"]


async def test_a_person_who_stops_for_ten_minutes_is_one_event_and_never_scene(
    works: Works, detector: ModelDetector
) -> None:
    empty, story = scene(), Story()
    story.moves(empty, "visitor", range(-20, 240, 40))
    story.night(with_thing(empty, "visitor", 220, DOWN), 60, every=10)
    story.moves(empty, "visitor", range(220, 640, 40))
    story.night(empty, 5, every=10)

    (event,) = await told(works, detector, story)
    assert event["classes"] == ["person"]
    assert event["last_at"] - event["first_at"] > timedelta(minutes=10)
    assert {"person_seen", "stays", "still"} <= event["factors"]
    # The detector sees a further one in the trees now and then, for a single picture.
    person, *ghosts = await tracks(works)
    assert (person["state"], person["seen_moving"]) == ("live", True)
    assert person["sightings"] == event["frames"]
    assert all(ghost["sightings"] == 1 for ghost in ghosts)
