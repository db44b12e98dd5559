"""Health and figures over the real servers."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from backend import wiring
from backend.core.database import get_database
from backend.core.redis import RedisClient
from backend.core.supervisor import Supervisor
from backend.services.stores import cameras
from backend.services.upkeep.heartbeat import Heartbeat
from backend.tests.fixtures.application import ApplicationClient
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.ledger import NOON
from backend.tests.fixtures.product import until
from backend.tests.fixtures.stages import backlog, live
from backend.tests.integration.api.conftest import House


def details() -> dict[str, Any]:
    return {
        "detector": "motion",
        "media_root": "/data/cameras",
        "watched_folders": 2,
        "polled_folders": [],
        "unseen_folders": {},
        "scanned_at": NOON,
    }


async def parts_of(client: ApplicationClient) -> dict[str, dict[str, Any]]:
    answer = await client.get("/api/system/health")
    assert answer.status_code == 200
    return {part["name"]: part for part in answer.json()["parts"]}


async def test_without_a_worker_it_is_degraded_and_ready(client: ApplicationClient) -> None:
    answer = await client.get("/api/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "degraded"}
    report = (await client.get("/api/system/health")).json()
    assert (report["live"], report["ready"]) == (True, True)
    parts = {part["name"]: part["status"] for part in report["parts"]}
    assert parts["database"] == parts["redis"] == "healthy"
    assert parts["workers"] == parts["ingest"] == parts["detector"] == "degraded"


async def test_a_worker_that_is_heard_makes_it_healthy(
    client: ApplicationClient, real_redis: RedisClient
) -> None:
    clock = ManualClock()
    await Heartbeat(real_redis, clock, "one", Supervisor(clock), details).beat()

    async def is_heard() -> bool:
        return bool((await parts_of(client))["workers"]["status"] == "healthy")

    await until(is_heard, "the worker's word", seconds=4)
    parts = await parts_of(client)
    assert parts["ingest"]["reason"] == "below /data/cameras 2 folders are watched"
    assert parts["detector"]["reason"].startswith("motion only")


async def test_a_picture_that_nobody_looks_at_is_named(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    await house.ledger.frame(camera)
    await house.ledger.frame(camera, received_at=NOON - timedelta(days=3))
    slug = (await client.get(f"/api/cameras/{camera}")).json()["slug"]

    async def is_named() -> bool:
        pictures = (await parts_of(client))["pictures"]
        return bool(
            pictures["status"] == "degraded"
            and pictures["reason"].startswith(f"one of {slug} has waited for ")
        )

    await until(is_named, "the picture that waits", seconds=4)
    await house.works.stage().handle(live(camera))
    await house.works.stage().handle(backlog(camera))

    async def is_done() -> bool:
        return bool((await parts_of(client))["pictures"]["status"] == "healthy")

    await until(is_done, "its end", seconds=4)


async def test_the_figures_are_those_of_the_ledger(client: ApplicationClient, house: House) -> None:
    camera = await house.ledger.camera()
    await house.visit(camera, "person")
    await house.ledger.frame(camera)
    lines = (await client.get("/api/metrics")).text.splitlines()
    assert "hsi_database_up 1.0" in lines
    assert "hsi_frames_waiting 1.0" in lines
    assert "hsi_events_open 1.0" in lines
    assert "hsi_quarantined_files 0.0" in lines


async def test_a_silent_camera_is_named_in_health_and_in_the_list(
    client: ApplicationClient, house: House
) -> None:
    camera, other = await house.ledger.camera(), await house.ledger.camera()
    await house.ledger.frame(other)
    for minute in range(20):
        at = NOON - timedelta(minutes=minute)
        await house.ledger.frame(camera, at, received_at=at)
    listed = (await client.get("/api/cameras")).json()["items"]
    since = {one["id"]: one["silent_since"] for one in listed}
    assert since == {camera: NOON.isoformat().replace("+00:00", "Z"), other: None}
    assert (await client.get(f"/api/cameras/{camera}")).json()["silent_since"] == since[camera]
    (slug,) = [one["slug"] for one in listed if one["id"] == camera]

    async def is_named() -> bool:
        cameras = (await parts_of(client))["cameras"]
        return bool(cameras["status"] == "degraded" and slug in cameras["reason"])

    await until(is_named, "the silent camera", seconds=4)
    report = (await client.get("/api/system/health")).json()
    rungs = {rung["name"]: rung for rung in report["rungs"]}
    assert (rungs["cameras"]["since"], rungs["cameras"]["since_known"]) == (since[camera], True)


async def test_what_was_given_up_is_counted(client: ApplicationClient, house: House) -> None:
    camera = await house.ledger.camera()
    frame = await house.ledger.frame(camera)
    await house.ledger.change(
        "INSERT INTO dead_letters (frame_id, first_at, last_at, tries, stage, reason) "
        "VALUES (:frame, :now, :now, 3, 'detection', 'it broke')",
        frame=frame,
        now=NOON,
    )

    async def is_counted() -> bool:
        letters = (await parts_of(client))["dead letters"]
        return bool(letters["rung"] == "dead_letters" and letters["reason"].startswith("1 picture"))

    await until(is_counted, "the dead letter", seconds=4)


async def test_requests_that_wait_for_a_lock_wait_alone_and_not_for_long(
    locks_are_short: None, client: ApplicationClient
) -> None:
    camera = (await client.post("/api/cameras", json={"name": "Hof"})).json()["id"]
    path = f"/api/cameras/{camera}"
    async with get_database().transaction() as session:
        await cameras.lock_many(session, [camera])
        waiting = [
            asyncio.create_task(client.patch(path, json={"name": f"Hof {number}"}))
            for number in range(10)
        ]
        await until(partial(_wait_for_locks, 10), "ten that wait for the camera", seconds=4)
        report = (await client.get("/api/system/health")).json()
        answers = await asyncio.gather(*waiting)
    parts = {part["name"]: part for part in report["parts"]}
    assert (report["ready"], parts["database"]["status"]) == (True, "healthy")
    assert {answer.json()["code"] for answer in answers} == {"database.locked"}
    assert (await client.patch(path, json={"name": "Garden"})).status_code == 200


@pytest.fixture
def locks_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set before the application starts."""
    monkeypatch.setattr(wiring, "_LOCK_SECONDS", 1.5)


async def _wait_for_locks(number: int) -> bool:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with get_database().transaction() as session:
        return bool(await session.scalar(waiting) == number)
