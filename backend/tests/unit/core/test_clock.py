"""Waiting by a clock."""

import asyncio

import pytest

from backend.core.clock import wait_for
from backend.tests.fixtures.clock import ManualClock


async def waiting(event: asyncio.Event, clock: ManualClock) -> "asyncio.Task[None]":
    """A task that has begun to wait for the event, at most five seconds."""
    task = asyncio.create_task(wait_for(event, clock, 5))
    while not clock.sleepers:
        await asyncio.sleep(0)
    return task


async def test_an_event_is_waited_for_until_it_is_set() -> None:
    clock, event = ManualClock(), asyncio.Event()
    task = await waiting(event, clock)
    event.set()
    async with asyncio.timeout(4):
        await task
    assert (clock.monotonic(), clock.sleepers) == (0, 0)


async def test_an_event_is_waited_for_no_longer_than_said() -> None:
    clock, event = ManualClock(), asyncio.Event()
    task = await waiting(event, clock)
    clock.advance(4.9)
    await asyncio.sleep(0)
    assert not task.done()
    clock.advance(0.1)
    async with asyncio.timeout(4):
        await task
    assert not event.is_set()


async def test_a_wait_that_is_cancelled_leaves_nobody_asleep() -> None:
    clock = ManualClock()
    task = await waiting(asyncio.Event(), clock)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.sleepers == 0
