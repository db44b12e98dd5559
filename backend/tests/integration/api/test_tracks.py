"""What the things of an event did, through the API, and what enrichers said of them."""

import json
from datetime import timedelta
from typing import Any

from backend.core.redis import RedisClient
from backend.core.supervisor import Supervisor
from backend.domain.boxes import Box, Detection
from backend.services.upkeep.heartbeat import Heartbeat
from backend.tests.fixtures.application import ApplicationClient
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.ledger import NOON
from backend.tests.integration.api.conftest import House

STEPS = [0.3 + 0.05 * step for step in range(9)]  # of its foot, from the left to the right
DOG = Detection("dog", 0.7, Box(0.0, 0.0, 0.1, 0.1))


def walker(x: float) -> Detection:
    return Detection("person", 0.9, Box(x - 0.05, 0.4, 0.1, 0.4))


async def walk(house: House) -> dict[str, Any]:
    """Somebody walks through the yard, over a line, while a dog sits by; the event."""
    camera = await house.ledger.camera()
    drawn = "VALUES (:camera, now(), now(), :name, true, CAST(:points AS jsonb)"
    yard = json.dumps([[0.42, 0], [0.62, 0], [0.62, 1], [0.42, 1]])
    line = json.dumps([[0.52, 0], [0.52, 1]])
    await house.ledger.change(
        "INSERT INTO zones (camera_id, created_at, changed_at, name, enabled, points, type, "
        f"weight, colour, priority, classes) {drawn}, 'yard', 10, '#3498db', 0, '{{}}')",
        camera=camera, name="Yard", points=yard,
    )  # fmt: skip
    await house.ledger.change(
        "INSERT INTO lines (camera_id, created_at, changed_at, name, enabled, points, inwards, "
        f"outwards, classes) {drawn}, 'in', 'going out', '{{}}')",
        camera=camera, name="Gate", points=line,
    )  # fmt: skip
    for second, x in enumerate(STEPS):
        await house.look(camera, NOON + timedelta(seconds=second), walker(x), DOG)
    (event,) = await house.ledger.rows("SELECT * FROM events")
    return event


def moment(second: int) -> str:
    return f"2025-06-01T12:00:{second:02}Z"


async def test_an_event_tells_what_each_thing_did(client: ApplicationClient, house: House) -> None:
    event = await walk(house)
    told = (await client.get(f"/api/events/{event['id']}/tracks")).json()
    assert (told["event_id"], told["detections"], told["complete"]) == (event["id"], 18, True)
    dog, person = sorted(told["tracks"], key=lambda one: str(one["class"]))
    assert (person["class"], person["detections"], person["dwell"]) == ("person", 9, 8.0)
    assert (person["first_at"], person["last_at"]) == (moment(0), moment(8))
    assert (person["direction"], person["speed"], person["still"]) == ("right", 0.5, 0.0)
    assert [(one["at"], one["x"], one["y"]) for one in person["path"]] == [
        (moment(second), round(x, 4), 0.8) for second, x in enumerate(STEPS)
    ]
    assert person["zones"] == [
        {
            "zone": "Yard",
            "entered_at": moment(3),
            "left_at": moment(7),
            "seconds": 3.0,
            "came_in": True,
        }
    ]
    assert person["lines"] == [
        {"line": "Gate", "direction": "outwards", "words": "going out", "at": moment(5)}
    ]
    assert (person["arrived_at"], person["departed_at"]) == (None, None)
    assert (dog["class"], dog["direction"], dog["zones"], dog["lines"]) == ("dog", None, [], [])
    assert dog["still"] == dog["dwell"] == 8.0
    kept = (await client.get(f"/api/tracks/{person['track_id']}")).json()
    assert [kept[name] for name in ("class", "dwell", "direction", "speed", "path")] == [
        person[name] for name in ("class", "dwell", "direction", "speed", "path")
    ]


async def test_detections_without_tracks_have_no_course(
    client: ApplicationClient, house: House
) -> None:
    event = await house.visit(await house.ledger.camera(), "person")
    await house.ledger.change("UPDATE detections SET track_id = NULL")
    told = (await client.get(f"/api/events/{event['id']}/tracks")).json()
    assert (told["detections"], told["tracks"]) == (1, [])


async def test_of_a_long_event_the_newest_are_told(client: ApplicationClient, house: House) -> None:
    event = await house.visit(await house.ledger.camera(), "person")
    await house.ledger.change(
        "INSERT INTO detections (frame_id, event_id, track_id, class_name, confidence, "
        "x, y, width, height) SELECT frame_id, event_id, track_id, class_name, confidence, "
        "x, y, width, height FROM detections CROSS JOIN generate_series(1, 2000)"
    )
    told = (await client.get(f"/api/events/{event['id']}/tracks")).json()
    assert (told["detections"], told["complete"]) == (2000, False)
    enriched = (await client.get(f"/api/enrichment/events/{event['id']}")).json()
    assert (len(enriched["detections"]), enriched["complete"]) == (2000, False)


async def test_what_enrichers_gave_is_shown_and_summed_up(
    client: ApplicationClient, house: House
) -> None:
    event = await walk(house)
    blue = {"dominant": {"blue": 0.6, "black": 0.2}}
    given = {"movement": {"direction": "right", "speed": 0.5}, "colours": blue}
    await house.ledger.change(
        "UPDATE detections SET enrichment = CAST(:given AS jsonb) WHERE class_name = 'person'",
        given=json.dumps(given),
    )
    found = (await client.get(f"/api/enrichment/events/{event['id']}")).json()
    assert (found["event_id"], found["complete"], len(found["detections"])) == (
        event["id"], True, 18,
    )  # fmt: skip
    dog, person = sorted(found["tracks"], key=lambda one: str(one["class"]))
    assert person["enrichment"] == {
        "movement": {"direction": {"right": 9}, "speed": 0.5},
        "colours": blue,
    }
    assert (person["detections"], dog["enrichment"]) == (9, {})
    first = next(one for one in found["detections"] if one["class"] == "person")
    assert first["enrichment"] == given
    assert first["track_id"] == person["track_id"]
    one = await client.get(f"/api/enrichment/detections/{first['detection_id']}")
    assert one.json() == first


async def test_the_enrichers_are_told_by_the_workers(
    client: ApplicationClient, real_redis: RedisClient
) -> None:
    assert (await client.get("/api/enrichment")).json() == {"enrichers": []}
    clock = ManualClock()
    colours = {"name": "colours", "about": "its colours", "asked": 9, "failed": 1}
    slow = colours | {"state": "open", "reason": "it took longer than 0.5 s"}
    said = {"one": [colours | {"state": "closed", "reason": None}], "two": [slow], "old": None}
    for worker, enrichers in said.items():
        details = {} if enrichers is None else {"enrichers": enrichers}
        await Heartbeat(real_redis, clock, worker, Supervisor(clock), details.copy).beat()
    (enricher,) = (await client.get("/api/enrichment")).json()["enrichers"]
    assert (enricher["name"], enricher["about"]) == ("colours", "its colours")
    assert [(one["worker"], one["state"], one["reason"]) for one in enricher["workers"]] == [
        ("one", "closed", None),
        ("two", "open", "it took longer than 0.5 s"),
    ]


async def test_what_is_not_there_is_said(client: ApplicationClient) -> None:
    for path, code in (
        ("events/9/tracks", "event.unknown"),
        ("enrichment/events/9", "event.unknown"),
        ("enrichment/detections/9", "detection.unknown"),
    ):
        answer = await client.get(f"/api/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, code)
