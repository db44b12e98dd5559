"""How the product is, over time, and when something does not answer."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from unittest.mock import AsyncMock, MagicMock, Mock, patch

import pytest

from backend.core.database import Database
from backend.core.errors import Unavailable
from backend.migrations.known import refuse_unknown
from backend.services.stores import frames
from backend.services.upkeep import health, part_findings
from backend.services.upkeep.fitness import Fitness
from backend.services.upkeep.health import Health, PartHealth, standings
from backend.services.upkeep.ladder import LADDER
from backend.services.upkeep.part_findings import Finding
from backend.tests.fixtures.clock import ManualClock


def idle_database() -> AsyncMock:
    """A database in which no frame waits."""
    database = AsyncMock(spec=Database)
    session = database.transaction.return_value.__aenter__.return_value = AsyncMock()
    rows = MagicMock(one_or_none=Mock(return_value=None))
    rows.__iter__.side_effect = lambda: iter(())
    session.execute.return_value = rows
    session.scalar.return_value = 0
    return database


def health_of(redis: AsyncMock, database: AsyncMock, clock: ManualClock, folder: Path) -> Health:
    redis.kept.return_value = {"worker:one": '{"worker": "one", "detector": "motion"}'}
    return Health(database, redis, clock, [folder], Fitness(database, redis, clock, refuse_unknown))


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


@pytest.mark.parametrize(("waits", "status"), [(False, "healthy"), (True, "degraded")])
async def test_a_detector_that_was_away_is_not_said_to_be_while_nobody_asks_it(
    mock_redis: AsyncMock, tmp_path: Path, waits: bool, status: str
) -> None:
    clock, database = ManualClock(), idle_database()
    looking = health_of(mock_redis, database, clock, tmp_path)
    mock_redis.kept.return_value = {
        "worker:one": '{"worker": "one", "breakers": {"detector": {"state": "half-open"}}}'
    }
    if waits:
        oldest = {"camera": "gate", "received_at": clock.now()}
        with patch.object(frames, "longest_waiting", AsyncMock(return_value=oldest)):
            report = await looking.report()
    else:
        report = await looking.report()
    assert {part.name: part.status for part in report.parts}["detector"] == status


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


async def test_a_redis_that_answers_is_not_said_to_be_silent(
    mock_redis: AsyncMock, tmp_path: Path
) -> None:
    looking = health_of(mock_redis, idle_database(), ManualClock(), tmp_path)
    mock_redis.kept.side_effect = Unavailable("no Redis", code="redis.unavailable")
    reasons = {part.name: part.reason for part in (await looking.report()).parts}
    assert reasons["redis"] == "it answers"
    assert reasons["ingest"].startswith("not known: Redis did not say within 1 s")


async def test_that_redis_is_full_is_not_said_to_be_the_workers_fault(
    mock_redis: AsyncMock, tmp_path: Path
) -> None:
    """What they said has run out, and they cannot say it anew."""
    looking = health_of(mock_redis, idle_database(), ManualClock(), tmp_path)
    mock_redis.health_check.return_value = {
        "status": "unhealthy",
        "error": "Redis takes nothing: its memory is full",
        "code": "redis.full",
    }
    mock_redis.kept.return_value = {}
    report = await looking.report()
    assert [rung.name for rung in report.rungs] == ["redis_full"]
    reasons = {part.name: part.reason for part in report.parts}
    assert reasons["workers"] == reasons["ingest"] == reasons["detector"]
    assert reasons["workers"].startswith("not known while Redis takes nothing")


async def test_a_redis_that_forgets_is_said_once_workers_have_ended(
    mock_redis: AsyncMock, tmp_path: Path
) -> None:
    looking = health_of(mock_redis, idle_database(), ManualClock(), tmp_path)
    said = {"status": "unhealthy", "error": "this Redis forgets bells", "code": "redis.evicts"}
    mock_redis.health_check.return_value = said
    mock_redis.kept.return_value = {}
    report = await looking.report()
    assert [rung.name for rung in report.rungs] == ["redis_forgets"]


async def test_a_newer_schema_is_said_and_the_ledger_left_alone(
    mock_redis: AsyncMock, tmp_path: Path
) -> None:
    clock, database = ManualClock(), idle_database()
    session = database.transaction.return_value.__aenter__.return_value
    session.scalars.return_value = ["9999"]
    looking = health_of(mock_redis, database, clock, tmp_path)
    mock_redis.kept.return_value = {}
    await looking.report()
    clock.advance(10)
    with patch.object(frames, "longest_waiting", AsyncMock()) as looked:
        report = await looking.report()
    assert (report.status, report.ready) == ("unhealthy", False)
    assert [rung.name for rung in report.rungs] == ["schema"]
    (said,) = [part.reason for part in report.parts if part.name == "database"]
    assert "has schema 9999, which is newer" in said
    looked.assert_not_awaited()


async def test_a_slow_redis_is_said_where_it_is_so_twice_in_a_row(
    mock_redis: AsyncMock, tmp_path: Path
) -> None:
    clock = ManualClock()
    looking = health_of(mock_redis, idle_database(), clock, tmp_path)
    rungs = []
    for seconds in (0.9, 0.9, 0.1):

        async def answer(seconds: float = seconds) -> dict[str, str]:
            clock.advance(seconds)
            return {"status": "healthy"}

        mock_redis.health_check.side_effect = answer
        clock.advance(10)
        rungs.append([rung.name for rung in (await looking.report()).rungs])
    assert rungs == [[], ["redis_slow"], []]


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
    assert [rung.name for rung in report.rungs] == ["database"]


async def test_a_disk_that_does_not_answer_costs_health_one_thread(
    mock_redis: AsyncMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, asked = threading.Event(), []

    def hang(folders: Sequence[Path]) -> Finding:
        asked.append(folders)
        answers.wait()
        return Finding("disk", "healthy", "there is room")

    monkeypatch.setattr(health, "_CHECK_SECONDS", 0.02)
    monkeypatch.setattr(part_findings, "look_at_disks", hang)
    clock = ManualClock()
    looking = health_of(mock_redis, idle_database(), clock, tmp_path)
    begin, rungs = clock.now(), []
    for _ in range(5):
        report = await looking.report()
        rungs += [rung.name for rung in report.rungs]
        clock.advance(10)
    (disk,) = [part for part in report.parts if part.name == "disk"]
    assert rungs == ["pictures_slow"] * 3 + ["pictures"] * 2
    assert (disk.status, disk.since, len(asked)) == ("degraded", begin, 1)
    assert disk.reason.startswith("the disk of the data folder does not answer")
    answers.set()


async def test_a_disk_that_answers_late_each_time_is_slow_and_not_gone(
    mock_redis: AsyncMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that begins to spin: workers wait for it, and take pictures in."""
    turn, asked = threading.Semaphore(0), []

    def late(folders: Sequence[Path]) -> Finding:
        asked.append(folders)
        turn.acquire()
        return Finding("disk", "healthy", "there is room")

    monkeypatch.setattr(health, "_CHECK_SECONDS", 0.02)
    monkeypatch.setattr(part_findings, "look_at_disks", late)
    clock = ManualClock()
    looking = health_of(mock_redis, idle_database(), clock, tmp_path)
    rungs = []
    for number in range(1, 6):
        async with asyncio.timeout(0.9):
            while len(asked) < number:
                report = await looking.report()
                clock.advance(1)
        rungs += [rung.name for rung in report.rungs]
        clock.advance(20)
        turn.release()
    assert rungs == ["pictures_slow"] * 5


async def test_who_is_cancelled_while_looking_leaves_nothing_running(
    mock_redis: AsyncMock, tmp_path: Path
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def end_slowly() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            ended.set()

    database = idle_database()
    database.ping.side_effect = end_slowly
    looking = asyncio.create_task(health_of(mock_redis, database, ManualClock(), tmp_path).report())
    await begun.wait()
    looking.cancel()
    await asyncio.wait([looking])
    assert looking.cancelled()
    assert ended.is_set()


async def test_what_was_so_from_the_first_look_may_be_so_for_longer(
    mock_redis: AsyncMock, tmp_path: Path
) -> None:
    clock, database = ManualClock(), idle_database()
    looking = health_of(mock_redis, database, clock, tmp_path)
    database.ping.side_effect = Unavailable("no database: refused", code="database.unavailable")
    first = (await looking.report()).parts[0]
    assert (first.since, first.since_known) == (clock.now(), False)
    clock.advance(60)
    database.ping.side_effect = None
    second = (await looking.report()).parts[0]
    assert (second.status, second.since, second.since_known) == ("healthy", clock.now(), True)
    clock.advance(60)
    third = (await looking.report()).parts[0]
    assert (third.since, third.since_known) == (second.since, True)


async def test_a_database_is_slow_that_is_so_twice_in_a_row(
    mock_redis: AsyncMock, tmp_path: Path
) -> None:
    clock, database = ManualClock(), idle_database()
    looking = health_of(mock_redis, database, clock, tmp_path)
    statuses = []
    for seconds in (0.7, 0.01, 0.7, 0.8, 0.01):

        async def answer(seconds: float = seconds) -> None:
            clock.advance(seconds)

        database.ping.side_effect = answer
        statuses.append((await looking.report()).parts[0].status)
        clock.advance(1)
    assert statuses == ["healthy", "healthy", "healthy", "degraded", "healthy"]


async def test_what_a_worker_knows_outlives_the_api(mock_redis: AsyncMock, tmp_path: Path) -> None:
    """Another process, which has never looked before, says since when the detector is away."""
    clock = ManualClock()
    looking = health_of(mock_redis, idle_database(), clock, tmp_path)
    mock_redis.kept.return_value = {
        "worker:one": '{"worker": "one", "breakers": {"detector": {"state": "open", "since": '
        '"2025-05-30T08:00:00Z", "reason": "it is off", "code": "detector.unavailable"}}}'
    }
    report = await looking.report()
    (rung,) = report.rungs
    assert (rung.name, rung.since.isoformat(), rung.since_known) == (
        "detector",
        "2025-05-30T08:00:00+00:00",
        True,
    )
    assert rung.waits.startswith("Pictures wait to be looked at")


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        '{"worker": "one", "parts": ["watch"]}',
        '{"worker": "one", "parts": {"watch": {"running": "perhaps"}}}',
        '{"worker": "one", "mood": "new", "breakers": {"x": {"state": "ajar", "since": 12}}}',
        "{}",
    ],
)
async def test_a_word_of_another_version_stops_nothing(
    mock_redis: AsyncMock, tmp_path: Path, text: str
) -> None:
    looking = health_of(mock_redis, idle_database(), ManualClock(), tmp_path)
    mock_redis.kept.return_value = {"worker:one": text}
    report = await looking.report()
    workers = next(part for part in report.parts if part.name == "workers")
    assert workers.status == "healthy"
    assert workers.reason.startswith("1 worker is at work: one")


def part(name: str, rung: str | None, *, hour: int, known: bool = True) -> PartHealth:
    since = ManualClock().now() + timedelta(hours=hour)
    return PartHealth(name, "degraded", "so it is", since, known, rung)


def test_a_rung_is_stood_on_since_the_first_of_its_parts() -> None:
    (rung,) = standings(
        [
            part("ingest", "pictures", hour=2),
            part("detector", "pictures", hour=1, known=False),
            part("flood", None, hour=0),
        ]
    )
    assert (rung.name, rung.since_known) == ("pictures", False)
    assert rung.since == ManualClock().now() + timedelta(hours=1)


def test_the_lowest_rung_comes_first() -> None:
    parts = [part(rung.name, rung.name, hour=0) for rung in reversed(LADDER)]
    assert [one.name for one in standings(parts)] == [rung.name for rung in LADDER]
