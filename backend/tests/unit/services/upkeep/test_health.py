"""What the workers' words and the disk say, in words for an owner."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

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
    look_at_workers,
)
from backend.tests.fixtures.clock import ManualClock

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


def health_of(redis: AsyncMock, database: AsyncMock, clock: ManualClock, folder: Path) -> Health:
    redis.kept.return_value = {"worker:one": orjson.dumps(word()).decode()}
    return Health(database, redis, clock, folder)


async def test_since_is_when_it_became_so(mock_redis: AsyncMock, tmp_path: Path) -> None:
    clock, database = ManualClock(), AsyncMock(spec=Database)
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


async def test_a_report_is_made_at_most_every_half_second(
    mock_redis: AsyncMock, tmp_path: Path
) -> None:
    clock, database = ManualClock(), AsyncMock(spec=Database)
    looking = health_of(mock_redis, database, clock, tmp_path)
    await looking.report()
    clock.advance(0.4)
    await looking.report()
    assert database.ping.await_count == 1
    clock.advance(0.2)
    await looking.report()
    assert database.ping.await_count == 2


async def test_without_redis_it_is_degraded(mock_redis: AsyncMock, tmp_path: Path) -> None:
    looking = health_of(mock_redis, AsyncMock(spec=Database), ManualClock(), tmp_path)
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
    clock, database = ManualClock(), AsyncMock(spec=Database)

    async def hang() -> None:
        await clock.sleep(1)

    database.ping.side_effect = hang
    report = await health_of(mock_redis, database, clock, tmp_path).report()
    assert report.status == "unhealthy"
    assert report.parts[0].reason.startswith("no answer within")
