"""Events through the API: found, looked at, made again, reviewed."""

from datetime import timedelta
from typing import Any

import pytest

from backend.tests.fixtures.application import ApplicationClient
from backend.tests.fixtures.ledger import NOON
from backend.tests.integration.api.conftest import House


async def ids_of(client: ApplicationClient, query: str = "") -> list[int]:
    answer = await client.get(f"/api/events{query}")
    assert answer.status_code == 200, answer.text
    return [event["id"] for event in answer.json()["items"]]


async def test_an_event_is_shown_whole(client: ApplicationClient, house: House) -> None:
    camera = await house.ledger.camera()
    event = await house.visit(camera, "person")
    answer = await client.get(f"/api/events/{event['id']}")
    assert answer.status_code == 200
    shown = answer.json()
    assert shown["camera_id"] == camera
    assert shown["camera"] == shown["camera_name"]
    assert shown["state"] == "open"
    assert shown["classes"] == ["person"]
    assert (shown["detections"], shown["frames"]) == (1, 1)
    assert shown["score"] == 44
    assert shown["level"] == "medium"
    assert shown["detector"] == "scripted"
    assert shown["first_at"] == shown["last_at"] == "2025-06-01T12:00:00Z"
    assert (shown["reviewed_at"], shown["notes"], shown["continues_event_id"]) == (None,) * 3


async def test_the_way_of_an_event_is_told_in_milliseconds(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    event = await house.visit(camera, "person", at=NOON)
    await house.quiet()
    await house.ledger.change(
        "UPDATE frames SET completed_at = received_at - interval '12.5 ms', "
        "claimed_at = received_at + interval '3 ms', finished_at = received_at + interval '40 ms'"
    )
    later = timedelta(milliseconds=45)
    await house.ledger.change("UPDATE assessments SET judged_at = :at", at=NOON + later)
    await house.ledger.change("UPDATE events SET told_at = :at", at=NOON + 2 * later)
    answer = await client.get(f"/api/events/{event['id']}/latency")
    assert answer.status_code == 200
    found = answer.json()
    assert [(step["step"], step["after_ms"]) for step in found["steps"]] == [
        ("completed", None),
        ("received", 12.5),
        ("claimed", 3.0),
        ("finished", 37.0),
        ("assessed", 5.0),
        ("told", 45.0),
        ("closed", 30910.0),
    ]
    (frame,) = (await client.get("/api/frames")).json()["items"]
    assert (found["event_id"], found["frame_id"]) == (event["id"], frame["id"])
    assert found["told_after_ms"] == 102.5


async def test_of_an_event_that_is_not_told_yet_the_way_ends_before(
    client: ApplicationClient, house: House
) -> None:
    event = await house.visit(await house.ledger.camera(), "person")
    await house.ledger.change("UPDATE events SET told_at = NULL")
    found = (await client.get(f"/api/events/{event['id']}/latency")).json()
    assert found["told_after_ms"] is None
    assert {step["step"] for step in found["steps"]} == {
        "received", "claimed", "finished", "assessed",
    }  # fmt: skip


async def test_the_latest_come_first_and_pages_join(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    events = await house.visits(camera, 7)
    # Two events that begin at the same moment are told apart by their ids.
    events = [*events, await house.visit(await house.ledger.camera(), "person", at=NOON)]
    wanted = sorted(events, key=lambda e: (e["first_at"], e["id"]), reverse=True)
    assert await ids_of(client) == [event["id"] for event in wanted]
    got: list[int] = []
    path = "/api/events?limit=3"
    while path:
        page = (await client.get(path)).json()
        got += [event["id"] for event in page["items"]]
        cursor = page["next_cursor"]
        path = f"/api/events?limit=3&cursor={cursor}" if cursor else ""
    assert got == [event["id"] for event in wanted]


async def test_events_are_found_by_what_is_asked(client: ApplicationClient, house: House) -> None:
    hof, tor = await house.ledger.camera(), await house.ledger.camera()
    person = (await house.visit(hof, "person"))["id"]
    dog = (await house.visit(tor, "dog"))["id"]
    both = (await house.visit(tor, "person", "dog"))["id"]
    slug = (await client.get(f"/api/cameras/{tor}")).json()["slug"]
    await client.patch(f"/api/events/{dog}", json={"reviewed": True})
    await house.quiet()
    late = (await house.visit(hof, "person"))["id"]
    expected = {
        f"?camera={slug}": [both, dog],
        "?class=cat": [],
        "?class=person": [late, both, person],
        "?level=low": [dog],
        "?level=medium": [late, both, person],
        "?level=critical": [],
        "?reviewed=true": [dog],
        "?reviewed=false": [late, both, person],
        "?state=open": [late],
        "?state=closed": [both, dog, person],
        "?since=2025-06-01T13:00:00Z": [late, both, dog],
        "?since=2025-06-01T15:00:01%2B02:00": [late, both],
        "?until=2025-06-01T13:00:00Z": [person],
        f"?camera={slug}&class=person&reviewed=false": [both],
    }
    assert {query: await ids_of(client, query) for query in expected} == expected


@pytest.mark.parametrize("path", ["/api/events", "/api/detections", "/api/frames"])
async def test_a_camera_that_is_not_there_is_no_filter(
    client: ApplicationClient, house: House, path: str
) -> None:
    answer = await client.get(f"{path}?camera=nope")
    assert answer.status_code == 404
    assert answer.json()["code"] == "camera.unknown"
    assert answer.json()["detail"] == "camera: there is no nope; known: none yet"
    cameras = [await house.ledger.camera() for _ in range(2)]
    slugs = [(await client.get(f"/api/cameras/{one}")).json()["slug"] for one in cameras]
    detail = (await client.get(f"{path}?camera=nope")).json()["detail"]
    assert detail == f"camera: there is no nope; known: {', '.join(sorted(slugs))}"
    assert (await client.get(f"{path}?camera={slugs[0]}")).json()["items"] == []


async def test_the_detections_of_an_event(client: ApplicationClient, house: House) -> None:
    camera = await house.ledger.camera()
    await house.visit(camera, "car")
    event = await house.visit(camera, "person", "dog")
    path = f"/api/events/{event['id']}/detections"
    page = (await client.get(f"{path}?limit=1")).json()
    (dog,) = page["items"]
    assert dog["class"] == "dog"
    assert dog["confidence"] == 0.9
    assert dog["box"] == {"x": 0.25, "y": 0.25, "width": 0.5, "height": 0.5}
    page = (await client.get(f"{path}?cursor={page['next_cursor']}")).json()
    assert [one["class"] for one in page["items"]] == ["person"]
    assert (await client.get(f"/api/detections/{dog['id']}")).json() == dog
    every = (await client.get("/api/detections")).json()["items"]
    assert [one["class"] for one in every] == ["dog", "person", "car"]
    for query, classes in (
        (f"event={event['id']}", ["dog", "person"]),
        ("class=car", ["car"]),
        (f"camera={dog['camera']}&class=dog", ["dog"]),
    ):
        found = (await client.get(f"/api/detections?{query}")).json()["items"]
        assert [one["class"] for one in found] == classes


async def test_a_cursor_of_another_events_list_is_refused(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    one, two = await house.visit(camera, "person", "dog"), await house.visit(camera, "person")
    page = (await client.get(f"/api/events/{one['id']}/detections?limit=1")).json()
    for path in (f"/api/events/{two['id']}/detections", "/api/detections", "/api/events"):
        answer = await client.get(f"{path}?cursor={page['next_cursor']}")
        assert answer.status_code == 422
        assert answer.json()["code"] == "cursor.invalid"


async def test_every_assessment_is_kept_with_its_factors(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    event = await house.visit(camera, "person", at=NOON)
    await house.visit(camera, "person", at=NOON + timedelta(seconds=20))
    page = (await client.get(f"/api/events/{event['id']}/assessments?limit=1")).json()
    (current,) = page["items"]
    assert current["number"] == 2
    assert current["judged_by"] == "rules"
    assert current["score"] == sum(factor["points"] for factor in current["factors"]) == 44
    assert current["level"] == "medium"
    assert current["factors"][0] == {
        "name": "person_seen",
        "points": 35,
        "evidence": {"frames_with_person": 2},
    }
    page = (
        await client.get(
            f"/api/events/{event['id']}/assessments?limit=1&cursor={page['next_cursor']}"
        )
    ).json()
    assert [one["number"] for one in page["items"]] == [1]
    assert page["next_cursor"] is None


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.85, 0.05, 0.123456789, 1.0])
async def test_a_score_can_be_made_again(
    client: ApplicationClient, house: House, confidence: float
) -> None:
    camera = await house.ledger.camera(time_zone="Europe/Berlin")
    night = NOON + timedelta(hours=10)
    event = await house.visit(camera, "person", at=night, confidence=confidence)
    await house.visit(camera, "person", "dog", at=night + timedelta(seconds=25))
    made = (await client.get(f"/api/events/{event['id']}/recompute")).json()
    assert made["same"] is True
    assert made["stored"] == made["recomputed"]
    assert (made["event_id"], made["number"]) == (event["id"], 2)
    assert made["stored_version"] == made["version"]
    assert "at_night" in {factor["name"] for factor in made["stored"]["factors"]}


async def test_a_score_that_was_changed_is_found_out(
    client: ApplicationClient, house: House
) -> None:
    event = await house.visit(await house.ledger.camera(), "person")
    await house.ledger.rows("UPDATE assessments SET score = 3 RETURNING id")
    made = (await client.get(f"/api/events/{event['id']}/recompute")).json()
    assert made["same"] is False
    assert (made["stored"]["score"], made["recomputed"]["score"]) == (3, 44)


async def test_without_its_detections_no_score_is_made(
    client: ApplicationClient, house: House
) -> None:
    event = await house.visit(await house.ledger.camera(), "person")
    await house.ledger.rows("DELETE FROM detections RETURNING id")
    answer = await client.get(f"/api/events/{event['id']}/recompute")
    assert answer.status_code == 409
    assert answer.json()["code"] == "event.no_detections"


async def test_a_review_is_kept_and_told(client: ApplicationClient, house: House) -> None:
    event = await house.visit(await house.ledger.camera(), "person")
    path = f"/api/events/{event['id']}"
    before = len(await house.ledger.told())
    answer = await client.patch(path, json={"reviewed": True, "notes": "The post.\nÄ 🐕"})
    assert answer.status_code == 200
    reviewed = answer.json()
    assert reviewed["reviewed_at"] is not None
    assert reviewed["notes"] == "The post.\nÄ 🐕"
    assert (await client.get(path)).json() == reviewed
    assert (await house.ledger.told())[before:] == ["event.updated"]
    (message,) = await house.ledger.rows("SELECT payload FROM outbox ORDER BY id DESC LIMIT 1")
    assert message["payload"]["event"]["reviewed_at"] is not None
    assert "notes" not in message["payload"]["event"]


@pytest.mark.parametrize(
    ("review", "reviewed", "notes"),
    [
        ({"reviewed": True}, True, "first"),
        ({"reviewed": False}, False, "first"),
        ({"notes": None}, True, None),
        ({"notes": "second"}, True, "second"),
        ({"reviewed": False, "notes": ""}, False, ""),
    ],
)
async def test_what_a_review_leaves_out_stays(
    client: ApplicationClient,
    house: House,
    review: dict[str, Any],
    reviewed: bool,
    notes: str | None,
) -> None:
    event = await house.visit(await house.ledger.camera(), "person")
    path = f"/api/events/{event['id']}"
    first = (await client.patch(path, json={"reviewed": True, "notes": "first"})).json()
    second = (await client.patch(path, json=review)).json()
    assert second["reviewed_at"] == (first["reviewed_at"] if reviewed else None)
    assert second["notes"] == notes


async def test_a_review_that_is_refused_tells_nothing(
    client: ApplicationClient, house: House
) -> None:
    event = await house.visit(await house.ledger.camera(), "person")
    before = await house.ledger.told()
    answer = await client.patch(f"/api/events/{event['id']}", json={"notes": "x" * 2001})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "notes"
    assert await house.ledger.told() == before


@pytest.mark.parametrize("rest", ["", "/detections", "/assessments", "/recompute"])
@pytest.mark.parametrize("event_id", [1, 2**63 - 1])
async def test_an_event_that_is_not_there(
    client: ApplicationClient, rest: str, event_id: int
) -> None:
    answer = await client.get(f"/api/events/{event_id}{rest}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "event.unknown"


async def test_what_is_not_there_cannot_be_reviewed(client: ApplicationClient) -> None:
    for body in ({"reviewed": True}, {"notes": "x"}):
        answer = await client.patch("/api/events/1", json=body)
        assert answer.status_code == 404
    assert (await client.get("/api/detections/1")).status_code == 404
