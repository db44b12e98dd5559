"""A real video as a camera uploads it, a picture every half second, through the real processes."""

import json
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import cv2
import pytest

from backend.tests.fixtures.product import SHARED_DATA, Drop, Product, a_while_ago

MODEL = SHARED_DATA / "models" / "yolox_nano_dyn.onnx"
EVERY = 5  # of the video's ten frames per second

pytestmark = pytest.mark.skipif(
    not (SHARED_DATA / "videos.json").exists(), reason="no real video (../shared/data)"
)


def video() -> dict[str, Any]:
    (found,) = json.loads((SHARED_DATA / "videos.json").read_text(encoding="utf-8"))["videos"]
    return dict(found)


def uploads(begin: datetime) -> Iterator[Drop]:
    shown = video()
    capture = cv2.VideoCapture(str(SHARED_DATA / shown["file"]))
    number = 0
    while capture.grab():
        if number % EVERY == 0:
            _, picture = capture.retrieve()
            data = cv2.imencode(".jpg", picture)[1].tobytes()
            at = begin + timedelta(seconds=number / shown["fps"])
            yield Drop(data, "Hall", f"{number:05}.jpg", at)
        number += 1
    capture.release()


@pytest.fixture
def begin() -> datetime:
    return a_while_ago()


@pytest.fixture
def dropped(product: Product, begin: datetime) -> list[Drop]:
    drops = list(uploads(begin))
    product.environment = {
        **product.environment,
        "DETECTOR__MODEL": str(MODEL),
        "DETECTOR__THREADS": "1",
    }
    product.drop(drops)
    return drops


async def every_visit_is_one_track(product: Product, begin: datetime) -> None:
    """Six visits, six tracks; no track is of two visits, and nothing is found in between."""
    seen = await product.rows(
        "SELECT d.track_id, d.class_name, f.captured_at FROM detections d "
        "JOIN frames f ON f.id = d.frame_id ORDER BY f.captured_at"
    )
    of_visit: list[set[int]] = []
    for visit in video()["visits"]:
        first, last = (begin + timedelta(seconds=visit[key]) for key in ("start_s", "end_s"))
        during = [one for one in seen if first <= one["captured_at"] <= last]
        assert {one["class_name"] for one in during} == {"person"}
        of_visit.append({one["track_id"] for one in during})
        seen = [one for one in seen if one not in during]
    assert seen == []
    assert [len(tracks) for tracks in of_visit] == [1] * 6
    assert len(set.union(*of_visit)) == 6
    tracks = await product.rows("SELECT seen_moving, state, sightings FROM tracks")
    assert len(tracks) == 6
    assert all(track["seen_moving"] and track["state"] != "scene" for track in tracks)


async def test_six_visits_are_six_tracks_and_one_event(
    product: Product, dropped: list[Drop], begin: datetime
) -> None:
    product.start_worker()
    await product.final(len(dropped))
    await every_visit_is_one_track(product, begin)
    (event,) = await product.rows("SELECT * FROM events")
    assert event["classes"] == ["person"]


async def test_with_little_patience_six_events_and_the_same_tracks_through_a_kill(
    product: Product, dropped: list[Drop], begin: datetime
) -> None:
    """Two workers share the work; one is killed in the middle, and comes back."""
    product.environment = {**product.environment, "BATCH_IDLE_TIMEOUT_SECONDS": "2"}
    second = product.another()
    second.start_worker(name="second")
    try:
        product.start_worker()
        await product.until_final(len(dropped) // 3)
        product.kill_worker(signal.SIGKILL)
        product.start_worker()
        await product.final(len(dropped))
    finally:
        second.kill_worker()
    await every_visit_is_one_track(product, begin)
    events = await product.rows("SELECT first_at, last_at FROM events ORDER BY first_at")
    assert len(events) == 6
