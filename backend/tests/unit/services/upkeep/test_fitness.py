"""What ends the work once a server is unfit for it."""

import asyncio
from collections.abc import Collection
from unittest.mock import AsyncMock

import pytest
from structlog.testing import capture_logs

from backend.core.database import Database
from backend.core.errors import Conflict, Invalid, Unavailable
from backend.services.upkeep.fitness import Fitness
from backend.tests.fixtures.clock import ManualClock


class Work:
    """Goes on until it is cancelled, and then ends in an orderly way."""

    def __init__(self) -> None:
        self.begun = False
        self.ended = False

    async def run(self) -> None:
        self.begun = True
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.ended = True


def refuse_9999(stamps: Collection[str]) -> None:
    if "9999" in stamps:
        raise Conflict("the database is newer", code="database.newer_schema")


def fitness_over(redis: AsyncMock, clock: ManualClock) -> tuple[Fitness, AsyncMock]:
    database = AsyncMock(spec=Database)
    session = database.transaction.return_value.__aenter__.return_value = AsyncMock()
    session.scalar.return_value = False
    session.scalars.return_value = ["0001"]
    return Fitness(database, redis, clock, refuse_9999), session


async def asleep(clock: ManualClock) -> None:
    async with asyncio.timeout(4):
        while not clock.sleepers:
            await asyncio.sleep(0)


async def test_work_ends_once_the_schema_is_newer(mock_redis: AsyncMock) -> None:
    clock, work = ManualClock(), Work()
    fitness, session = fitness_over(mock_redis, clock)
    working = asyncio.create_task(fitness.during(work.run))
    await asleep(clock)
    assert not working.done()
    session.scalars.return_value = ["9999"]
    clock.advance(15)
    with pytest.raises(Conflict, match="newer"):
        await working
    assert work.ended
    with pytest.raises(Unavailable, match="newer") as raised:
        fitness.refuse_work()
    assert raised.value.code == "database.newer_schema"
    session.scalars.return_value = ["0001"]
    await fitness.check_schema(session)
    fitness.refuse_work()


async def test_work_is_not_begun_before_both_were_looked_at(mock_redis: AsyncMock) -> None:
    """Or who is started again and again would write each time, however newer the schema is."""
    work, answer = Work(), asyncio.Event()
    fitness, session = fitness_over(mock_redis, ManualClock())
    session.scalars.return_value = ["9999"]
    mock_redis.refuse_forgetting.side_effect = answer.wait
    working = asyncio.create_task(fitness.during(work.run))
    for _ in range(10):
        await asyncio.sleep(0)
    answer.set()
    with pytest.raises(Conflict, match="newer"):
        await working
    assert not work.begun


async def test_work_ends_once_redis_forgets(mock_redis: AsyncMock) -> None:
    clock, work = ManualClock(), Work()
    fitness, _ = fitness_over(mock_redis, clock)
    working = asyncio.create_task(fitness.during(work.run))
    await asleep(clock)
    mock_redis.refuse_forgetting.side_effect = Invalid("it forgets", code="redis.evicts")
    clock.advance(15)
    with pytest.raises(Invalid, match="forgets"):
        await working
    assert work.ended


@pytest.mark.parametrize("away", ["redis", "database"])
async def test_servers_that_are_away_end_nothing_and_are_looked_at_soon(
    mock_redis: AsyncMock, away: str
) -> None:
    clock, work = ManualClock(), Work()
    fitness, session = fitness_over(mock_redis, clock)
    asked = mock_redis.refuse_forgetting if away == "redis" else session.execute
    asked.side_effect = Unavailable("away", code="away")
    working = asyncio.create_task(fitness.during(work.run))
    for _ in range(3):
        await asleep(clock)
        clock.advance(2)
        await asyncio.sleep(0)
    await asleep(clock)
    assert asked.await_count == 4
    assert work.begun
    assert not working.done()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert work.ended


async def test_a_look_that_fails_ends_nothing(mock_redis: AsyncMock) -> None:
    """As while a restore drops and makes the table anew: only a verdict ends the work."""
    clock, work = ManualClock(), Work()
    fitness, session = fitness_over(mock_redis, clock)
    session.scalars.side_effect = RuntimeError('relation "alembic_version" does not exist')
    working = asyncio.create_task(fitness.during(work.run))
    with capture_logs() as said:
        await asleep(clock)
    assert [one["log_level"] for one in said] == ["error"]
    assert work.begun
    assert not working.done()
    session.scalars = AsyncMock(return_value=["9999"])
    clock.advance(2)
    with pytest.raises(Conflict, match="newer"):
        await working
    assert work.ended


async def test_a_look_that_loses_a_cancellation_is_cancelled_again(
    mock_redis: AsyncMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.core.supervisor._CANCEL_EVERY_SECONDS", 0.01)
    fitness, _ = fitness_over(mock_redis, ManualClock())
    lost: list[str] = []

    async def deaf() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost.append("once more")
        await asyncio.Event().wait()

    mock_redis.refuse_forgetting.side_effect = deaf
    working = asyncio.create_task(fitness.during(Work().run))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    working.cancel()
    async with asyncio.timeout(0.9):
        await asyncio.wait([working])
    assert (working.cancelled(), len(lost)) == (True, 1)


async def test_an_error_of_the_work_is_its_own(mock_redis: AsyncMock) -> None:
    fitness, _ = fitness_over(mock_redis, ManualClock())

    async def fail() -> None:
        raise RuntimeError("the work failed")

    with pytest.raises(RuntimeError, match="the work failed"):
        await fitness.during(fail)
