"""Frames through the API: what became of each, and the pictures themselves."""

from datetime import timedelta
from pathlib import Path

import pytest

from backend.domain.frames import FileMark
from backend.domain.thumbnails import thumbnail_path
from backend.services.stores import cameras, quarantine
from backend.services.stores.quarantine import BadFile
from backend.tests.fixtures.application import ApplicationClient
from backend.tests.fixtures.ledger import NOON, Ledger, jpeg
from backend.tests.fixtures.stages import live
from backend.tests.integration.api.conftest import House


async def bad_file(ledger: Ledger, path: str, *, released: bool = False) -> None:
    async with ledger.database.transaction() as session:
        file = BadFile(path, FileMark(0, 1, 2), "file.empty", "the file is empty")
        await quarantine.put(session, [file], now=NOON)
        if released:
            await quarantine.release(session, [path], now=NOON + timedelta(minutes=1))


async def test_frames_are_listed_by_what_is_asked(client: ApplicationClient, house: House) -> None:
    camera = await house.ledger.camera()
    await house.visit(camera, "person")
    waiting = await house.ledger.frame(camera, NOON + timedelta(days=1))
    page = (await client.get("/api/frames?limit=1")).json()
    assert [frame["id"] for frame in page["items"]] == [waiting]
    page = (await client.get(f"/api/frames?cursor={page['next_cursor']}")).json()
    (attached,) = page["items"]
    assert attached["state"] == "attached"
    slug, path = attached["camera"], attached["path"]
    for query, ids in (
        ("state=received", [waiting]),
        ("state=empty", []),
        (f"camera={slug}", [waiting, attached["id"]]),
        (f"camera={slug}&path={path}", [attached["id"]]),
    ):
        found = (await client.get(f"/api/frames?{query}")).json()["items"]
        assert [frame["id"] for frame in found] == ids


async def test_a_frame_that_shows_something_is_traced(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    event = await house.visit(camera, "person")
    (frame,) = (await client.get("/api/frames")).json()["items"]
    trace = (await client.get(f"/api/frames/{frame['id']}/trace")).json()
    assert trace["frame"] == frame == (await client.get(f"/api/frames/{frame['id']}")).json()
    told = ["received", "claimed", "finished", "assessed", "told"]
    assert [step["step"] for step in trace["steps"]] == told
    assert (trace["lane"], trace["dead_letter"]) == ("live", None)
    assert [one["class"] for one in trace["detections"]] == ["person"]
    assert trace["event"]["id"] == event["id"]
    assert trace["sentence"].startswith(f"It showed something and belongs to event {event['id']}")
    file = (
        await client.get("/api/frames/trace", params={"path": f"{frame['camera']}/{frame['path']}"})
    ).json()
    assert [one["frame"]["id"] for one in file["frames"]] == [frame["id"]]
    assert frame["attempts"] == 1
    assert frame["detector"] == "scripted"
    assert (frame["captured_from"], frame["clock_suspect"]) == ("mtime", False)


async def test_a_trace_goes_on_to_the_end_of_the_event(
    client: ApplicationClient, house: House
) -> None:
    """The frame that opened it was told of first; a later one only widened it."""
    camera = await house.ledger.camera()
    await house.visit(camera, "person", at=NOON)
    house.works.clock.advance(5)
    await house.visit(camera, "person", at=NOON + timedelta(seconds=5))
    await house.quiet()
    later, opener = (await client.get("/api/frames")).json()["items"]
    for frame, told in ((opener, ["told"]), (later, [])):
        trace = (await client.get(f"/api/frames/{frame['id']}/trace")).json()
        steps = [step["step"] for step in trace["steps"]]
        assert steps == ["received", "claimed", "finished", "assessed", *told, "closed"]
    moments = [step["at"] for step in trace["steps"]]
    assert moments == sorted(moments)
    assert moments[3] == "2025-06-01T12:00:05Z"


async def test_frames_that_show_nothing_or_wait_are_traced(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    empty = await house.ledger.frame(camera)
    await house.works.stage().handle(live(camera))
    waiting = await house.ledger.frame(camera)
    trace = (await client.get(f"/api/frames/{empty}/trace")).json()
    assert trace["frame"]["state"] == "empty"
    assert trace["frame"]["thumbnail"] is None
    assert (trace["event"], trace["detections"]) == (None, [])
    trace = (await client.get(f"/api/frames/{waiting}/trace")).json()
    assert [step["step"] for step in trace["steps"]] == ["received"]
    assert trace["lane"] == "backlog"


async def test_a_file_is_traced_by_its_path(client: ApplicationClient, house: House) -> None:
    camera = await house.ledger.camera()
    event = await house.visit(camera, "person")
    (frame,) = (await client.get("/api/frames")).json()["items"]
    folder = (await client.get(f"/api/cameras/{camera}")).json()["folder"]
    path = f"{folder}/{frame['path']}"
    traced = (await client.get("/api/frames/trace", params={"path": path})).json()
    assert traced["path"] == path
    assert [one["frame"]["id"] for one in traced["frames"]] == [frame["id"]]
    assert traced["frames"][0]["event"]["id"] == event["id"]
    assert traced["quarantine"] is None
    assert traced["sentence"] == traced["frames"][0]["sentence"]


async def test_a_quarantined_file_is_traced_and_listed(
    client: ApplicationClient, ledger: Ledger
) -> None:
    await bad_file(ledger, "stray.jpg")
    await bad_file(ledger, "Hof/old.jpg", released=True)
    await bad_file(ledger, "Hof/empty ÄÖ.jpg")
    traced = (await client.get("/api/frames/trace", params={"path": "stray.jpg"})).json()
    assert traced["frames"] == []
    assert traced["quarantine"]["code"] == "file.empty"
    assert traced["sentence"] == "It is in quarantine: the file is empty."
    traced = (await client.get("/api/frames/trace", params={"path": "Hof/old.jpg"})).json()
    assert traced["quarantine"]["released_at"] == "2025-06-01T12:01:00Z"
    page = (await client.get("/api/quarantine?limit=1")).json()
    assert [one["path"] for one in page["items"]] == ["Hof/empty ÄÖ.jpg"]
    page = (await client.get(f"/api/quarantine?cursor={page['next_cursor']}")).json()
    assert [one["path"] for one in page["items"]] == ["stray.jpg"]
    assert page["next_cursor"] is None


@pytest.mark.parametrize("path", ["Hof/none.jpg", "none.jpg", "", "/", "../../etc/passwd"])
async def test_a_file_that_nobody_knows(client: ApplicationClient, path: str) -> None:
    answer = await client.get("/api/frames/trace", params={"path": path})
    assert answer.status_code == 404
    assert answer.json()["code"] == "file.unknown"


async def test_a_file_of_a_deleted_camera_is_said_to_be_ignored(
    client: ApplicationClient, ledger: Ledger
) -> None:
    camera = await ledger.camera()
    async with ledger.database.transaction() as session:
        await cameras.bury(session, camera, now=NOON)
    folder = (await client.get(f"/api/cameras/{camera}")).json()["folder"]
    answer = await client.get("/api/frames/trace", params={"path": f"{folder}/1.jpg"})
    assert answer.status_code == 404
    assert "its camera was deleted" in answer.json()["detail"]


async def test_the_picture_is_what_the_camera_made(
    client: ApplicationClient, ledger: Ledger
) -> None:
    data = jpeg(7)
    frame = await ledger.frame(await ledger.camera(), picture=data)
    answer = await client.get(f"/api/frames/{frame}/picture")
    assert answer.status_code == 200
    assert answer.content == data
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    head = await client.head(f"/api/frames/{frame}/picture")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == str(len(data))


async def test_a_picture_that_is_gone_is_not_found(
    client: ApplicationClient, ledger: Ledger
) -> None:
    frame = await ledger.frame(await ledger.camera())
    for file in (ledger.folder / "pictures").rglob("*"):
        if file.is_file():
            file.unlink()
    answer = await client.get(f"/api/frames/{frame}/picture")
    assert answer.status_code == 404
    assert answer.json()["code"] == "pictures.missing"


async def test_a_link_in_the_store_is_not_followed(
    client: ApplicationClient, ledger: Ledger, tmp_path: Path
) -> None:
    frame = await ledger.frame(await ledger.camera())
    (secret := tmp_path / "secret").write_text("secret")
    (file,) = [one for one in (ledger.folder / "pictures").rglob("*") if one.is_file()]
    file.unlink()
    file.symlink_to(secret)
    answer = await client.get(f"/api/frames/{frame}/picture")
    assert answer.status_code == 503
    assert "secret" not in answer.text


async def test_what_shows_something_has_a_thumbnail(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    await house.visit(camera, "person")
    (frame,) = (await client.get("/api/frames")).json()["items"]
    answer = await client.get(frame["thumbnail"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    kept = thumbnail_path(house.ledger.thumbnails, frame["id"])
    assert answer.content == kept.read_bytes()
    assert (await client.head(frame["thumbnail"])).headers["content-length"] == str(
        kept.stat().st_size
    )
    kept.unlink()
    answer = await client.get(frame["thumbnail"])
    assert answer.status_code == 404
    assert answer.json()["code"] == "frame.no_thumbnail"


async def test_what_shows_nothing_has_none(client: ApplicationClient, ledger: Ledger) -> None:
    frame = await ledger.frame(await ledger.camera())
    answer = await client.get(f"/api/frames/{frame}/thumbnail")
    assert answer.status_code == 404
    assert answer.json()["code"] == "frame.no_thumbnail"


@pytest.mark.parametrize("rest", ["", "/trace", "/picture", "/thumbnail"])
async def test_a_frame_that_is_not_there(client: ApplicationClient, rest: str) -> None:
    answer = await client.get(f"/api/frames/9223372036854775807{rest}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "frame.unknown"
