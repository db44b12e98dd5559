"""Suppressions through the API: said, tried before, taken back; and what they do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import cv2
import numpy as np
import pytest

from backend.domain.boxes import Box, Detection
from backend.domain.suppressions import MOST_SUPPRESSIONS
from backend.services.stores.hindsight import events_within
from backend.services.stores.surroundings import Around
from backend.tests.fixtures.application import ApplicationClient
from backend.tests.fixtures.ledger import HEIGHT, NOON, WIDTH
from backend.tests.integration.api.conftest import House

COAT = Detection("person", 0.8, Box(0.25, 0.25, 0.5, 0.5))
ELSEWHERE = Detection("person", 0.9, Box(0.0, 0.0, 0.2, 0.4))
HOUR = timedelta(hours=1)


def picture(seed: int) -> bytes:
    """A picture with a look of its own: coarse blots, so that no JPEG changes it much."""
    blots = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    pixels = cv2.resize(blots, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".png", pixels)[1].tobytes())


HALL, VISITOR = picture(1), picture(2)


async def coat_at(house: House, camera: int, at: datetime = NOON) -> int:
    """The coat is seen; the detection's id."""
    frame = await house.look(camera, at, COAT, picture=HALL)
    (row,) = await house.ledger.rows("SELECT id FROM detections WHERE frame_id = :id", id=frame)
    return int(row["id"])


async def added(client: ApplicationClient, camera: int, **body: Any) -> dict[str, Any]:
    answer = await client.post(f"/api/cameras/{camera}/suppressions", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"/api/cameras/{camera}/suppressions/{found['id']}"
    return found


async def listed(client: ApplicationClient, camera: int, query: str = "") -> list[int]:
    page = (await client.get(f"/api/cameras/{camera}/suppressions{query}")).json()
    return [one["id"] for one in page["items"]]


async def test_what_is_never_a_person_is_hidden_until_that_is_undone(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    detection = await coat_at(house, camera)
    made = await added(client, camera, detection_id=detection, days=9, note="The coat.")
    assert (made["state"], made["class"], made["knows_look"]) == ("active", "person", True)
    assert made["box"] == {"x": 0.25, "y": 0.25, "width": 0.5, "height": 0.5}
    assert (made["hidden"], made["hidden_at"], made["note"]) == (0, None, "The coat.")
    begin, end = (datetime.fromisoformat(made[name]) for name in ("created_at", "ends_at"))
    assert end - begin == timedelta(days=9)

    hidden = await house.look(camera, NOON + HOUR, COAT, picture=HALL)
    visitor = await house.look(camera, NOON + 2 * HOUR, COAT, picture=VISITOR)
    other = await house.look(camera, NOON + 3 * HOUR, ELSEWHERE, picture=HALL)
    states = await house.ledger.states()
    assert [states[id_] for id_ in (hidden, visitor, other)] == ["empty", "attached", "attached"]
    path = f"/api/cameras/{camera}/suppressions/{made['id']}"
    counted = (await client.get(path)).json()
    assert (counted["hidden"], counted["hidden_at"]) == (1, "2025-06-01T12:00:00Z")

    until = f"until {end:%Y-%m-%d %H:%M}"
    trace = (await client.get(f"/api/frames/{hidden}/trace")).json()
    assert trace["sentence"] == (
        "It was looked at and showed nothing that matters; found and not kept: "
        f"1 person hidden by suppression {made['id']} (The coat.), {until}."
    )
    slug = (await client.get(f"/api/cameras/{camera}")).json()["slug"]
    at = {"camera": slug, "at": "2025-06-01T13:00:00Z", "window": 9}
    why = (await client.get("/api/frames/why", params=at)).json()
    assert why["sentence"].endswith(" none showed anything but what is suppressed.")
    assert f"person hidden by suppression {made['id']}" in why["reasons"][-1]

    undone = (await client.delete(path)).json()
    assert (undone["state"], undone["hidden"]) == ("undone", 1)
    seen = await house.look(camera, NOON + 4 * HOUR, COAT, picture=HALL)
    assert (await house.ledger.states())[seen] == "attached"
    for refused in (await client.delete(path), await client.patch(path, json={"days": 3})):
        assert (refused.status_code, refused.json()["code"]) == (409, "suppression.undone")
    why = (await client.get("/api/frames/why", params=at)).json()
    assert "undone at" in why["reasons"][-1]


async def test_a_track_is_suppressed_where_it_stands(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    await coat_at(house, camera)
    (track,) = await house.ledger.rows("SELECT id FROM tracks")
    made = await added(client, camera, track_id=track["id"])
    assert (made["track_id"], made["knows_look"]) == (track["id"], True)
    begin, end = (datetime.fromisoformat(made[name]) for name in ("created_at", "ends_at"))
    assert end - begin == timedelta(days=30)
    hidden = await house.look(camera, NOON + HOUR, COAT, picture=HALL)
    assert (await house.ledger.states())[hidden] == "empty"


async def test_of_a_detection_without_track_only_the_place_is_known(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    detection = await coat_at(house, camera)
    await house.ledger.change("UPDATE detections SET track_id = NULL")
    made = await added(client, camera, detection_id=detection)
    assert (made["track_id"], made["knows_look"]) == (None, False)
    hidden = await house.look(camera, NOON + HOUR, COAT, picture=VISITOR)
    assert (await house.ledger.states())[hidden] == "empty"


async def test_they_are_listed_by_state_and_changed(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    detection = await coat_at(house, camera)
    first, second, third = [
        (await added(client, camera, detection_id=detection))["id"] for _ in range(3)
    ]
    await client.delete(f"/api/cameras/{camera}/suppressions/{first}")
    await house.ledger.change(
        "UPDATE suppressions SET created_at = 'epoch', ends_at = '2025-06-01' WHERE id = :id",
        id=second,
    )
    assert await listed(client, camera) == [third, second, first]
    assert await listed(client, camera, "?state=active") == [third]
    assert await listed(client, camera, "?state=ended") == [second]
    assert await listed(client, camera, "?state=undone") == [first]
    page = (await client.get(f"/api/cameras/{camera}/suppressions?limit=2")).json()
    assert await listed(client, camera, f"?limit=2&cursor={page['next_cursor']}") == [first]

    path = f"/api/cameras/{camera}/suppressions/{second}"
    noted = (await client.patch(path, json={"note": "A statue."})).json()
    assert (noted["note"], noted["state"]) == ("A statue.", "ended")
    end = datetime.now(UTC) + timedelta(days=3)
    longer = (await client.patch(path, json={"ends_at": end.isoformat()})).json()
    assert (longer["note"], longer["state"]) == ("A statue.", "active")
    assert datetime.fromisoformat(longer["ends_at"]) == end
    assert (await client.patch(path, json={"note": None})).json()["note"] is None


LATELY = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)


async def test_a_preview_says_what_would_not_have_been(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    await coat_at(house, camera, LATELY - timedelta(days=9))  # too long ago
    other = await house.ledger.camera()
    await coat_at(house, other, LATELY)  # elsewhere
    await coat_at(house, camera, LATELY)
    # The coat, and somebody who comes by.
    await house.look(camera, LATELY + HOUR, COAT, ELSEWHERE, picture=HALL)
    await house.look(camera, LATELY + 2 * HOUR, ELSEWHERE, picture=HALL)
    detection = await coat_at(house, camera, LATELY + 3 * HOUR)
    before = await house.ledger.states()
    answer = await client.post(
        f"/api/cameras/{camera}/suppressions/preview", json={"detection_id": detection}
    )
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["looked_at"], found["hidden"], found["complete"]) == (5, 3, True)
    assert (found["events_touched"], found["events_gone"]) == (3, 2)
    assert [(one["hidden"], one["detections"], one["gone"]) for one in found["events"]] == [
        (1, 1, True),
        (1, 2, False),
        (1, 1, True),
    ]
    begin = datetime.fromisoformat(found["events"][0]["first_at"])
    assert begin == LATELY + 3 * HOUR
    assert found["events"][0]["summary"].startswith("Person at ")
    assert found["events"][0]["level"] in {"low", "medium", "high", "critical"}
    assert await house.ledger.states() == before
    assert await listed(client, camera) == []


async def test_a_preview_looks_at_the_latest_and_says_where_it_ended(house: House) -> None:
    camera = await house.ledger.camera()
    for hour in range(3):
        await house.look(camera, LATELY + hour * HOUR, COAT, ELSEWHERE, picture=HALL)
    around = Around(camera, LATELY, LATELY + 3 * HOUR)

    async def looked_at(events: int, detections: int) -> tuple[list[int], bool]:
        async with house.ledger.database.transaction() as session:
            lately = await events_within(session, around, events=events, detections=detections)
        return [(one["first_at"] - LATELY) // HOUR for one in lately.events], lately.complete

    assert await looked_at(3, 6) == ([2, 1, 0], True)
    assert await looked_at(2, 6) == ([2, 1], False)
    assert await looked_at(9, 4) == ([2, 1], False)
    assert await looked_at(9, 1) == ([2], False)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "either `detection_id` or `track_id`"),
        ({"detection_id": 1, "track_id": 1}, "either `detection_id` or `track_id`"),
        ({"detection_id": 1, "days": 366}, "days"),
        ({"detection_id": 1, "days": 0}, "days"),
        ({"detection_id": 1, "days": 3, "ends_at": "2030-01-01T00:00:00Z"}, "`ends_at`"),
        ({"detection_id": 1, "ends_at": "2020-01-01T00:00:00Z"}, "later than now"),
        ({"detection_id": 1, "ends_at": "2999-01-01T00:00:00Z"}, "within 365 days"),
        ({"detection_id": 1, "ends_at": "soon"}, "ends_at"),
        ({"detection_id": 1, "note": "x" * 501}, "note"),
        ({"detection_id": 1, "until": "x"}, "until"),
        ({"track_id": 2**63}, "track_id"),
    ],
)
async def test_what_is_said_wrongly_is_refused(
    client: ApplicationClient, house: House, body: dict[str, Any], words: str
) -> None:
    camera = await house.ledger.camera()
    answer = await client.post(f"/api/cameras/{camera}/suppressions", json=body)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


async def test_what_is_not_there_is_said(client: ApplicationClient, house: House) -> None:
    camera, other = await house.ledger.camera(), await house.ledger.camera()
    detection = await coat_at(house, camera)
    made = await added(client, camera, detection_id=detection)
    slug = (await client.get(f"/api/cameras/{other}")).json()["slug"]
    below = f"/api/cameras/{other}/suppressions"
    for path in (below, f"{below}/preview"):
        answer = await client.post(path, json={"detection_id": detection})
        assert (answer.status_code, answer.json()["code"]) == (404, "detection.unknown")
        assert answer.json()["detail"] == f"camera {slug} has no detection {detection}"
        answer = await client.post(path, json={"track_id": made["track_id"]})
        assert (answer.status_code, answer.json()["code"]) == (404, "track.unknown")
    for method, body in (("GET", None), ("PATCH", {"days": 3}), ("DELETE", None)):
        answer = await client.request(method, f"{below}/{made['id']}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "suppression.unknown")
    assert (await client.patch(f"{below}/1", json={})).status_code == 422


async def test_nothing_is_added_to_a_deleted_camera_and_not_without_end(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    detection = await coat_at(house, camera)
    await house.ledger.change(
        "INSERT INTO suppressions (camera_id, created_at, ends_at, class_name, box, print) "
        "SELECT :camera, now(), now() + interval '1 day', 'person', '{0,0,1,1}', '' "
        "FROM generate_series(1, :many)",
        camera=camera,
        many=MOST_SUPPRESSIONS,
    )
    path = f"/api/cameras/{camera}/suppressions"
    refused = await client.post(path, json={"detection_id": detection})
    assert (refused.status_code, refused.json()["code"]) == (409, "suppression.too_many")
    slug = (await client.get(f"/api/cameras/{camera}")).json()["slug"]
    await client.delete(f"/api/cameras/{camera}?confirm={slug}")
    refused = await client.post(path, json={"detection_id": detection})
    assert (refused.status_code, refused.json()["code"]) == (409, "camera.deleted")
    assert len(await listed(client, camera, "?limit=200")) == MOST_SUPPRESSIONS
