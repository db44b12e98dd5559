"""No break of Redis is missed."""

import asyncio
from unittest.mock import AsyncMock

import pytest

from backend.core.errors import Unavailable
from backend.services.upkeep.redis_watch import RedisWatch
from backend.tests.fixtures.clock import ManualClock

AWAY = Unavailable("no Redis: refused", code="redis.unavailable")


class Calls:
    """Counts how often Redis was said to be back."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self) -> None:
        self.number += 1


@pytest.mark.parametrize(
    ("answers", "back"),
    [
        (["a", "a", "a"], [0, 0, 0]),
        (["a", "b", "b"], [0, 1, 1]),  # it was away between two looks
        (["a", AWAY, AWAY, "a", "a"], [0, 0, 0, 1, 1]),
        ([AWAY, "a", "a"], [0, 1, 1]),
    ],
)
async def test_it_is_said_once_that_redis_is_back(
    mock_redis: AsyncMock, answers: list[str | Exception], back: list[int]
) -> None:
    calls = Calls()
    watch = RedisWatch(mock_redis, ManualClock(), calls)
    mock_redis.run_id.side_effect = answers
    counted = []
    for _ in answers:
        await watch.look()
        counted.append(calls.number)
    assert counted == back


async def test_it_knows_when_it_was_last_seen_to_change(mock_redis: AsyncMock) -> None:
    clock = ManualClock()
    watch = RedisWatch(mock_redis, clock)
    assert (watch.answers, watch.changed_at) == (None, None)
    mock_redis.run_id.side_effect = ["a", "a", AWAY, AWAY, "a", "b"]
    begin, seen = clock.now(), []
    for _ in range(6):
        await watch.look()
        changed = watch.changed_at and (watch.changed_at - begin).total_seconds()
        seen.append((watch.answers, changed))
        clock.advance(1)
    assert seen == [(True, None), (True, None), (False, 2), (False, 2), (True, 4), (True, 5)]


async def test_one_that_hangs_does_not_answer(
    mock_redis: AsyncMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.services.upkeep.redis_watch._ANSWERS_WITHIN", 0.01)
    mock_redis.run_id.side_effect = asyncio.Event().wait
    watch = RedisWatch(mock_redis, ManualClock())
    await watch.look()
    assert watch.answers is False


async def test_it_looks_every_second(mock_redis: AsyncMock) -> None:
    clock = ManualClock()
    running = asyncio.create_task(RedisWatch(mock_redis, clock).run())
    for number in range(1, 4):
        async with asyncio.timeout(4):
            while not clock.sleepers:
                await asyncio.sleep(0.001)
        assert mock_redis.run_id.await_count == number
        clock.advance(1)
    running.cancel()
    await asyncio.wait([running])
