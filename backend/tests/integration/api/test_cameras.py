"""Cameras through the API: listed, added, changed, deleted, restored."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from backend.core.database import get_database
from backend.services.stores import cameras, frames
from backend.tests.fixtures.application import ApplicationClient
from backend.tests.fixtures.ledger import NOON, Ledger
from backend.tests.fixtures.product import until
from backend.tests.integration.api.conftest import House


async def made(client: ApplicationClient, name: str, **more: Any) -> dict[str, Any]:
    answer = await client.post("/api/cameras", json={"name": name, **more})
    assert answer.status_code == 201, answer.text
    camera: dict[str, Any] = answer.json()
    return camera


async def test_a_camera_is_added_with_its_folder(client: ApplicationClient) -> None:
    answer = await client.post(
        "/api/cameras", json={"name": "Front Door", "time_zone": "Europe/Berlin"}
    )
    assert answer.status_code == 201
    camera = answer.json()
    assert answer.headers["location"] == f"/api/cameras/{camera['id']}"
    assert camera["slug"] == "front_door"
    assert camera["name"] == camera["folder"] == "Front Door"
    assert camera["time_zone"] == "Europe/Berlin"
    assert camera["deleted_at"] is None
    assert (camera["last_frame_at"], camera["waiting_frames"]) == (None, 0)
    assert (Path(os.environ["HSI_DATA"]) / "cameras" / "Front Door").is_dir()
    assert (await client.get(answer.headers["location"])).json() == camera


async def test_two_names_with_one_slug_are_two_cameras(client: ApplicationClient) -> None:
    assert (await made(client, "Hof"))["slug"] == "hof"
    assert (await made(client, "hof!"))["slug"] == "hof_2"


async def test_a_name_is_given_once(client: ApplicationClient) -> None:
    first = await made(client, "Hof")
    answer = await client.post("/api/cameras", json={"name": "Hof"})
    assert answer.status_code == 409
    assert answer.json()["code"] == "camera.exists"
    await client.delete(f"/api/cameras/{first['id']}?confirm=hof")
    answer = await client.post("/api/cameras", json={"name": "Hof"})
    assert answer.status_code == 409
    assert answer.json()["code"] == "camera.deleted"


async def test_many_at_once_make_one(client: ApplicationClient) -> None:
    answers = await asyncio.gather(
        *(client.post("/api/cameras", json={"name": "Hof"}) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]


async def test_a_file_in_the_way_is_told_and_nothing_is_added(client: ApplicationClient) -> None:
    root = Path(os.environ["HSI_DATA"]) / "cameras"
    root.mkdir(exist_ok=True)
    (root / "Hof").write_text("a file")
    answer = await client.post("/api/cameras", json={"name": "Hof"})
    assert answer.status_code == 409
    assert answer.json()["code"] == "camera.folder_taken"
    assert (await client.get("/api/cameras")).json()["items"] == []


async def test_a_media_root_that_is_none_is_told(client: ApplicationClient) -> None:
    (Path(os.environ["HSI_DATA"]) / "cameras").write_text("a file")
    answer = await client.post("/api/cameras", json={"name": "Hof"})
    assert answer.status_code == 503
    assert answer.json()["code"] == "camera.folder_failed"
    assert (await client.get("/api/cameras")).json()["items"] == []


async def test_cameras_are_listed_in_pages(client: ApplicationClient) -> None:
    wanted = [(await made(client, f"camera {n}"))["slug"] for n in range(5)]
    slugs, path = [], "/api/cameras?limit=2"
    for _ in range(3):
        page = (await client.get(path)).json()
        slugs += [camera["slug"] for camera in page["items"]]
        path = f"/api/cameras?limit=2&cursor={page['next_cursor']}"
    assert slugs == wanted
    assert page["next_cursor"] is None


async def test_a_camera_is_renamed_and_its_slug_and_folder_stay(client: ApplicationClient) -> None:
    camera = await made(client, "Hof", time_zone="UTC")
    path = f"/api/cameras/{camera['id']}"
    answer = await client.patch(path, json={"name": "Hof / Süd"})
    assert answer.json() == camera | {"name": "Hof / Süd"}
    answer = await client.patch(path, json={"time_zone": None})
    assert answer.json() == camera | {"name": "Hof / Süd", "time_zone": None}
    assert (await client.get(path)).json() == answer.json()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/cameras/2147483647"),
        ("PATCH", "/api/cameras/2147483647"),
        ("DELETE", "/api/cameras/2147483647"),
        ("POST", "/api/cameras/2147483647/restore"),
    ],
)
async def test_a_camera_that_is_not_there(
    client: ApplicationClient, method: str, path: str
) -> None:
    body = {"name": "x"} if method == "PATCH" else None
    answer = await client.request(method, path, json=body)
    assert answer.status_code == 404
    assert answer.json()["code"] == "camera.unknown"


async def test_deletion_is_counted_and_confirmed(client: ApplicationClient, house: House) -> None:
    camera, other = await house.ledger.camera(), await house.ledger.camera()
    await house.visits(camera, 2)
    await house.visit(camera, "person", "dog")
    await house.visit(other, "person")
    await house.ledger.frame(camera, NOON + timedelta(days=1))
    slug = (await client.get(f"/api/cameras/{camera}")).json()["slug"]
    counts = {"slug": slug, "frames": 4, "events": 3, "detections": 4}
    for confirm in ("", "?confirm=yes", f"?confirm={slug.upper()}"):
        answer = await client.delete(f"/api/cameras/{camera}{confirm}")
        assert answer.status_code == 409
        problem = answer.json()
        assert problem["code"] == "camera.confirm"
        assert {name: problem[name] for name in counts} == counts
        assert f"?confirm={slug}" in problem["detail"]
    assert len(await house.ledger.states()) == 5
    answer = await client.delete(f"/api/cameras/{camera}?confirm={slug}")
    assert answer.status_code == 200
    assert answer.json() == {"camera_id": camera} | counts
    assert len(await house.ledger.states()) == 1
    (left,) = await house.ledger.rows(
        "SELECT (SELECT count(*) FROM events) AS events, "
        "(SELECT count(*) FROM detections) AS detections, "
        "(SELECT count(*) FROM assessments) AS assessments"
    )
    assert left == {"events": 1, "detections": 1, "assessments": 1}


async def test_what_a_deletion_would_remove_is_counted_while_pictures_come(
    client: ApplicationClient, ledger: Ledger
) -> None:
    camera = await ledger.camera()
    async with ledger.database.transaction() as receiving:
        await receiving.execute(
            text("SELECT 1 FROM cameras WHERE id = :id FOR KEY SHARE"), {"id": camera}
        )
        answer = await client.delete(f"/api/cameras/{camera}")
    assert answer.json()["code"] == "camera.confirm"


async def test_a_tombstone_stays_until_it_is_restored(client: ApplicationClient) -> None:
    camera = await made(client, "Hof")
    path = f"/api/cameras/{camera['id']}"
    await client.delete(f"{path}?confirm=hof")
    assert (await client.get("/api/cameras")).json()["items"] == []
    (tombstone,) = (await client.get("/api/cameras?deleted=true")).json()["items"]
    assert tombstone["deleted_at"] is not None
    assert (await client.get(path)).json() == tombstone
    for method, at, body in (
        ("PATCH", path, {"name": "x"}),
        ("DELETE", f"{path}?confirm=hof", None),
    ):
        answer = await client.request(method, at, json=body)
        assert answer.status_code == 409
        assert answer.json()["code"] == "camera.deleted"
    answer = await client.post(f"{path}/restore")
    assert answer.json() == camera
    assert await wanted_scans() == ["Hof"]
    answer = await client.post(f"{path}/restore")
    assert answer.status_code == 409
    assert answer.json()["code"] == "camera.not_deleted"


async def wanted_scans() -> list[str]:
    async with get_database().transaction() as session:
        return [scan.folder for scan in await cameras.wanted_scans(session)]


async def test_what_is_received_while_a_camera_is_deleted_does_not_stay(
    client: ApplicationClient, ledger: Ledger
) -> None:
    camera = await ledger.camera()
    (row,) = await ledger.rows("SELECT slug FROM cameras")
    async with ledger.database.transaction() as deleting:
        await cameras.lock(deleting, camera)
        receiving = asyncio.create_task(ledger_frame(ledger, camera))
        await blocked(ledger)
        await cameras.bury(deleting, camera, now=NOON)
    await receiving
    assert await ledger.states() == {}
    assert (await client.get(f"/api/cameras/{camera}")).json()["slug"] == row["slug"]


async def ledger_frame(ledger: Ledger, camera: int) -> None:
    """Receive a frame, which may be left out."""
    with pytest.raises(ValueError, match="not enough values"):
        await ledger.frame(camera)


async def blocked(ledger: Ledger) -> None:
    """Wait until a transaction waits for another."""

    async def is_blocked() -> bool:
        return bool(await ledger.rows("SELECT 1 FROM pg_locks WHERE NOT granted"))

    await until(is_blocked, "a transaction that waits", seconds=4)


async def test_a_camera_says_how_it_stands(client: ApplicationClient, house: House) -> None:
    camera = await house.ledger.camera()
    await house.visit(camera, "person")
    await house.ledger.frame(camera, NOON + timedelta(hours=5))
    shown = (await client.get(f"/api/cameras/{camera}")).json()
    assert shown["waiting_frames"] == 1
    assert shown["last_frame_at"] == "2025-06-01T17:00:00Z"
    async with house.ledger.database.transaction() as session:
        assert await frames.count_waiting(session) == 1


async def test_what_was_skipped_in_a_flood_is_shown(
    client: ApplicationClient, ledger: Ledger
) -> None:
    camera = await ledger.camera()
    path = f"/api/cameras/{camera}"
    answer = (await client.get(path)).json()
    assert (answer["skipped_frames"], answer["skipped_at"]) == (0, None)
    async with get_database().transaction() as session:
        for _ in range(2):
            await cameras.count_skipped(session, {camera: 6_000_000_000 // 3}, now=NOON)
    answer = (await client.get(path)).json()
    assert answer["skipped_frames"] == 4_000_000_000
    assert answer["skipped_at"] == "2025-06-01T12:00:00Z"
