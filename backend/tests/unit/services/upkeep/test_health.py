"""What the workers' words and the disk say, in words for an owner."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import orjson
import pytest

from backend.core.database import Database
from backend.core.errors import Unavailable
from backend.services.upkeep import health
from backend.services.upkeep.health import (
    Health,
    look_at_detectors,
    look_at_disk,
    look_at_ingest,
    look_at_pictures,
    look_at_workers,
)
from backend.tests.fixtures.clock import ManualClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RUNS = {"running": True, "since": "2026-03-01T12:00:00Z", "reason": None}
STANDS = {"running": False, "since": "2026-03-01T12:00:00Z", "reason": "no Redis"}


def word(name: str = "one", **values: Any) -> dict[str, Any]:
    return {
        "worker": name,
        "parts": {"watch": RUNS, "detect": RUNS},
        "detector": "motion",
        "media_root": "/data/cameras",
        "watched_folders": 3,
        "polled_folders": [],
        "unseen_folders": {},
        **values,
    }


def test_without_a_word_every_part_is_missing() -> None:
    for look in (look_at_workers, look_at_ingest, look_at_detectors):
        found = look([])
        assert found.status == "degraded"
        assert found.reason.startswith("no worker was heard for 20 s")


def test_workers_at_work_are_named() -> None:
    assert look_at_workers([word()]).reason == "1 worker is at work: one"
    assert look_at_workers([word(), word("two")]).reason == "2 workers are at work: one, two"
    assert look_at_workers([word()]).status == "healthy"


def test_a_part_that_stands_is_named() -> None:
    found = look_at_workers([word(), word("two", parts={"watch": RUNS, "relay": STANDS})])
    assert found.status == "degraded"
    assert found.reason == "two: relay does not run: no Redis"


def test_watched_folders_are_counted() -> None:
    found = look_at_ingest([word(), word("two", watched_folders=4)])
    assert (found.status, found.reason) == ("healthy", "below /data/cameras 7 folders are watched")


def test_polling_by_choice_is_no_fault() -> None:
    found = look_at_ingest([word(watched_folders=0)])
    assert found.status == "healthy"
    assert found.reason == "below /data/cameras folders are looked at in turn"


def test_polling_beyond_the_limit_is() -> None:
    found = look_at_ingest([word(polled_folders=["b", "a"])])
    assert found.status == "degraded"
    assert "2 folders" in found.reason
    assert "a among them" in found.reason
    assert "fs.inotify.max_user_watches" in found.reason


def test_folders_whose_pictures_are_not_seen_are_named_with_what_to_do() -> None:
    found = look_at_ingest(
        [
            word(unseen_folders={"gate": "it is a link: make it a folder", "door": "no right"}),
            word("two", unseen_folders={"hof": "it is a link: make it a folder"}),
        ]
    )
    assert found.status == "degraded"
    assert found.reason == (
        "no pictures are seen in door below /data/cameras: no right; "
        "no pictures are seen in gate, hof below /data/cameras: it is a link: make it a folder"
    )


def test_many_folders_are_counted() -> None:
    found = look_at_ingest([word(unseen_folders={f"c{n}": "no right" for n in range(8)})])
    assert found.reason.startswith("no pictures are seen in c0, c1, c2, c3, c4 and 3 more below")


def test_an_unseen_folder_is_not_said_to_be_polled() -> None:
    found = look_at_ingest([word(unseen_folders={"gate": "no right"}, polled_folders=["gate"])])
    assert found.reason == "no pictures are seen in gate below /data/cameras: no right"
    found = look_at_ingest([word(unseen_folders={"gate": "no right"}, polled_folders=["door"])])
    assert "no right; 1 folders below" in found.reason


def test_motion_alone_is_said_and_no_fault() -> None:
    found = look_at_detectors([word()])
    assert found.status == "healthy"
    assert found.reason.startswith("motion only: no model is installed")
    assert look_at_detectors([word(detector="yolox")]).reason == "yolox looks at the pictures"


def test_the_disk_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LEAST_FREE_BYTES", 1)
    assert look_at_disk(tmp_path).status == "healthy"
    monkeypatch.setattr(health, "LEAST_FREE_BYTES", 2**80)
    found = look_at_disk(tmp_path)
    assert found.status == "degraded"
    assert found.reason.startswith("only ")
    assert "No such file" in look_at_disk(tmp_path / "none").reason


@pytest.mark.parametrize(
    ("seconds", "lasting"),
    [(60, "60 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (3 * 86_400, "3 d")],
)
def test_the_picture_that_waits_longest_is_named(seconds: int, lasting: str) -> None:
    came = {"camera": "front_door", "received_at": NOON - timedelta(seconds=seconds)}
    found = look_at_pictures(came, NOON)
    assert found.status == "degraded"
    assert found.reason == f"one of front_door has waited for {lasting}"


@pytest.mark.parametrize("seconds", [-5, 0, 59])
def test_a_picture_may_wait_for_a_minute(seconds: int) -> None:
    came = {"camera": "front_door", "received_at": NOON - timedelta(seconds=seconds)}
    assert look_at_pictures(came, NOON).status == look_at_pictures(None, NOON).status == "healthy"


def idle_database() -> AsyncMock:
    """A database in which no frame waits."""
    database = AsyncMock(spec=Database)
    session = database.transaction.return_value.__aenter__.return_value = AsyncMock()
    session.execute.return_value = Mock(one_or_none=Mock(return_value=None))
    return database


def health_of(redis: AsyncMock, database: AsyncMock, clock: ManualClock, folder: Path) -> Health:
    redis.kept.return_value = {"worker:one": orjson.dumps(word()).decode()}
    return Health(database, redis, clock, folder)


async def test_since_is_when_it_became_so(mock_redis: AsyncMock, tmp_path: Path) -> None:
    clock, database = ManualClock(), idle_database()
    looking = health_of(mock_redis, database, clock, tmp_path)
    begin = clock.now()
    report = await looking.report()
    assert (report.status, report.ready) == ("healthy", True)
    clock.advance(60)
    database.ping.side_effect = Unavailable("no database: refused", code="database.unavailable")
    report = await looking.report()
    assert (report.status, report.ready) == ("unhealthy", False)
    since = {part.name: part.since - begin for part in report.parts}
    assert since["database"] == timedelta(seconds=60)
    assert since["redis"] == since["disk"] == timedelta(0)
    clock.advance(60)
    database.ping.side_effect = None
    assert (await looking.report()).status == "healthy"


async def test_redis_that_was_away_between_two_reports_is_back_since_then(
    mock_redis: AsyncMock, tmp_path: Path
) -> None:
    clock = ManualClock()
    looking = health_of(mock_redis, idle_database(), clock, tmp_path)
    mock_redis.run_id.return_value = "first"
    running = asyncio.create_task(looking.run())
    await seconds_pass(clock, 3)
    mock_redis.run_id.return_value = "second"
    restarted = clock.now()
    await seconds_pass(clock, 3)
    report = await looking.report()
    since = {part.name: part.since - restarted for part in report.parts}
    assert since["redis"] == timedelta(0)
    assert since["database"] == timedelta(seconds=-3)
    running.cancel()
    await asyncio.wait([running])


async def seconds_pass(clock: ManualClock, seconds: int) -> None:
    for _ in range(seconds):
        async with asyncio.timeout(4):
            while not clock.sleepers:
                await asyncio.sleep(0.001)
        clock.advance(1)


async def test_a_report_is_made_at_most_every_half_second(
    mock_redis: AsyncMock, tmp_path: Path
) -> None:
    clock, database = ManualClock(), idle_database()
    looking = health_of(mock_redis, database, clock, tmp_path)
    await looking.report()
    clock.advance(0.4)
    await looking.report()
    assert database.ping.await_count == 1
    clock.advance(0.2)
    await looking.report()
    assert database.ping.await_count == 2


async def test_without_redis_it_is_degraded(mock_redis: AsyncMock, tmp_path: Path) -> None:
    looking = health_of(mock_redis, idle_database(), ManualClock(), tmp_path)
    mock_redis.health_check.return_value = {"status": "unhealthy", "error": "no Redis: refused"}
    mock_redis.kept.side_effect = Unavailable("no Redis", code="redis.unavailable")
    report = await looking.report()
    assert (report.status, report.ready) == ("degraded", True)
    reasons = {part.name: part.reason for part in report.parts}
    assert reasons["redis"] == "no Redis: refused; news come late"
    assert reasons["ingest"] == "not known while Redis does not answer"


async def test_a_database_that_hangs_is_not_waited_for(
    mock_redis: AsyncMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_CHECK_SECONDS", 0.02)
    clock, database = ManualClock(), idle_database()

    async def hang() -> None:
        await clock.sleep(1)

    database.ping.side_effect = hang
    report = await health_of(mock_redis, database, clock, tmp_path).report()
    assert report.status == "unhealthy"
    assert report.parts[0].reason.startswith("no answer within")
