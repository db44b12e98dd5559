"""The scene of a camera through the API: listed, and said not to be one."""

from datetime import timedelta

import pytest

from backend.domain.boxes import Box, Detection
from backend.tests.fixtures.application import ApplicationClient
from backend.tests.fixtures.ledger import NOON
from backend.tests.integration.api.conftest import House

CAR = Detection("car", 0.9, Box(0.1, 0.5, 0.3, 0.25))
VAN = Detection("truck", 0.8, Box(0.6, 0.5, 0.3, 0.25))
APART = timedelta(seconds=10)


async def parked(house: House, camera: int, *things: Detection, first: int = 0) -> list[str]:
    """Six frames in which these stand, from the first on; the states of these frames."""
    ids = [
        await house.look(camera, NOON + number * APART, *things)
        for number in range(first, first + 6)
    ]
    states = await house.ledger.states()
    return [states[id_] for id_ in ids]


async def test_what_stands_is_listed(client: ApplicationClient, house: House) -> None:
    camera = await house.ledger.camera()
    assert await parked(house, camera, CAR) == ["attached"] * 4 + ["empty"] * 2
    (thing,) = (await client.get(f"/api/cameras/{camera}/scene")).json()["items"]
    assert thing == {
        "track_id": thing["track_id"],
        "camera_id": camera,
        "state": "scene",
        "class": "car",
        "box": {"x": 0.1, "y": 0.5, "width": 0.3, "height": 0.25},
        "first_at": "2025-06-01T12:00:00Z",
        "stands_since": "2025-06-01T12:00:00Z",
        "last_at": "2025-06-01T12:00:50Z",
        "sightings": 6,
        "watched": False,
    }
    track = (await client.get(f"/api/tracks/{thing['track_id']}")).json()
    assert (track["state"], track["class"], track["dwell"]) == ("scene", "car", 50.0)
    assert (track["direction"], track["speed"], track["seen_moving"]) == (None, 0.0, False)
    assert track["rest"] == track["box"] == thing["box"]
    assert [point["x"] for point in track["path"]] == [0.25, 0.25]


async def test_pages_of_a_scene_join(client: ApplicationClient, house: House) -> None:
    camera, other = await house.ledger.camera(), await house.ledger.camera()
    await parked(house, camera, CAR, VAN)
    path = f"/api/cameras/{camera}/scene?limit=1"
    first = (await client.get(path)).json()
    second = (await client.get(f"{path}&cursor={first['next_cursor']}")).json()
    assert {one["items"][0]["class"] for one in (first, second)} == {"car", "truck"}
    assert second["next_cursor"] is None
    for elsewhere in (f"{other}/scene?", f"{camera}/scene?state=left&"):
        answer = await client.get(f"/api/cameras/{elsewhere}cursor={first['next_cursor']}")
        assert answer.status_code == 422


async def test_what_is_watched_is_news_until_that_is_taken_back(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    await parked(house, camera, CAR)
    path = f"/api/cameras/{camera}/scene"
    (thing,) = (await client.get(path)).json()["items"]
    watch = f"{path}/{thing['track_id']}/watch"
    for _ in range(2):
        said = await client.post(watch)
        assert said.status_code == 200
        assert (said.json()["state"], said.json()["watched"]) == ("live", True)
    assert (await client.get(path)).json()["items"] == []
    assert (await client.get(f"{path}?state=watched")).json()["items"] == [said.json()]
    assert await parked(house, camera, CAR, first=6) == ["attached"] * 6
    again = await client.delete(watch)
    assert (again.json()["state"], again.json()["watched"]) == ("live", False)
    assert await parked(house, camera, CAR, first=12) == ["empty"] * 6
    assert [one["state"] for one in (await client.get(path)).json()["items"]] == ["scene"]


async def test_a_worker_that_settles_it_at_the_same_moment_does_no_harm(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    await parked(house, camera, CAR)
    await house.ledger.change("UPDATE tracks SET watched = true")  # and it is `scene`
    path = f"/api/cameras/{camera}/scene"
    assert (await client.get(path)).json()["items"] == []
    (thing,) = (await client.get(f"{path}?state=watched")).json()["items"]
    assert thing["state"] == "live"
    assert (await client.get(f"/api/tracks/{thing['track_id']}")).json()["state"] == "live"
    assert await parked(house, camera, CAR, first=6) == ["attached"] * 6


async def test_what_has_left_is_remembered(client: ApplicationClient, house: House) -> None:
    camera = await house.ledger.camera()
    await parked(house, camera, CAR)
    for minute in range(1, 15):
        await house.look(camera, NOON + timedelta(minutes=minute))
    path = f"/api/cameras/{camera}/scene"
    assert (await client.get(path)).json()["items"] == []
    (thing,) = (await client.get(f"{path}?state=left")).json()["items"]
    assert (thing["state"], thing["class"]) == ("left", "car")
    watched = (await client.post(f"{path}/{thing['track_id']}/watch")).json()
    assert (watched["state"], watched["watched"]) == ("left", True)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_a_track_that_cannot_be_watched_is_refused_in_words(
    client: ApplicationClient, house: House, method: str
) -> None:
    camera, other = await house.ledger.camera(), await house.ledger.camera()
    await parked(house, camera, CAR)
    (thing,) = (await client.get(f"/api/cameras/{camera}/scene")).json()["items"]
    slug = (await client.get(f"/api/cameras/{camera}")).json()["slug"]
    track = thing["track_id"]

    async def refused(camera_id: int, track_id: int, status: int) -> tuple[str, str]:
        answer = await client.request(method, f"/api/cameras/{camera_id}/scene/{track_id}/watch")
        assert answer.status_code == status
        return answer.json()["code"], answer.json()["detail"]

    assert await refused(other, track, 404) == (
        "track.unknown",
        f"this camera has no track {track}: it is one of camera {slug}",
    )
    assert await refused(camera, track + 99, 404) == (
        "track.unknown",
        f"this camera has no track {track + 99}",
    )
    assert await refused(99999, track, 404) == ("camera.unknown", "there is no camera 99999")
    await house.ledger.change("UPDATE tracks SET state = 'ended'")
    assert await refused(camera, track, 409) == (
        "track.over",
        f"track {track} is over since 2025-06-01 12:00:50 UTC: nothing will continue it",
    )


async def test_a_scene_without_camera_and_a_track_that_is_not_there(
    client: ApplicationClient, house: House
) -> None:
    for path, code in (("cameras/99999/scene", "camera.unknown"), ("tracks/9", "track.unknown")):
        answer = await client.get(f"/api/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, code)


async def test_what_belongs_to_the_scene_is_why_there_was_no_event(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    await parked(house, camera, CAR)
    frame = await house.look(camera, NOON + timedelta(minutes=5), CAR)
    slug = (await client.get(f"/api/cameras/{camera}")).json()["slug"]
    why = (
        await client.get(
            "/api/frames/why", params={"camera": slug, "at": "2025-06-01T12:05:00Z", "window": 9}
        )
    ).json()
    assert why["sentence"].endswith(" none showed anything but what belongs to the scene.")
    assert why["reasons"][-1] == (
        "Found and not kept: car that belongs to the scene, 1 in 1 picture."
    )
    trace = (await client.get(f"/api/frames/{frame}/trace")).json()
    assert trace["sentence"] == (
        "It was looked at and showed nothing that matters; "
        "found and not kept: 1 car that belongs to the scene."
    )
