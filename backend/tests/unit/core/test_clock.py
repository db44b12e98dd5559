"""What every clock keeps to, the machine's own and the one that a test moves; waiting by one."""

import asyncio
from collections.abc import Callable
from datetime import UTC, timedelta

import pytest

from backend.core.clock import Clock, SystemClock, wait_for
from backend.tests.fixtures.clock import ManualClock

MADE: dict[str, Callable[[], Clock]] = {"system": SystemClock, "manual": ManualClock}
MOMENT = 0.01
"""So long sleeps who sleeps on the machine's own clock."""


@pytest.fixture(params=MADE)
def clock(request: pytest.FixtureRequest) -> Clock:
    return MADE[request.param]()


class Sleeper:
    """A task that sleeps on a clock, and from when to when."""

    def __init__(self, clock: Clock, seconds: float, woken: "list[Sleeper]") -> None:
        self.seconds = seconds
        self.due = 0.0
        self.woke_at = 0.0
        self.task = asyncio.create_task(self._sleep(clock, woken))

    async def _sleep(self, clock: Clock, woken: "list[Sleeper]") -> None:
        self.due = clock.monotonic() + self.seconds
        await clock.sleep(self.seconds)
        self.woke_at = clock.monotonic()
        woken.append(self)


async def pass_time(clock: Clock, seconds: float) -> None:
    """Let a clock go on so far: some go by themselves."""
    if isinstance(clock, ManualClock):
        clock.advance(seconds)
    else:
        await clock.sleep(seconds)


async def slept(clock: Clock, *seconds: float) -> list[Sleeper]:
    """Sleepers in the order in which they woke; by then, as much time as the longest has passed."""
    woken: list[Sleeper] = []
    sleepers = [Sleeper(clock, one, woken) for one in seconds]
    await asyncio.sleep(0)
    await pass_time(clock, max(seconds))
    async with asyncio.timeout(4):
        await asyncio.wait([one.task for one in sleepers])
    return woken


def test_now_is_in_utc(clock: Clock) -> None:
    assert clock.now().tzinfo is UTC


async def test_both_of_its_times_go_on_alike(clock: Clock) -> None:
    stamped, measured = clock.now(), clock.monotonic()
    assert isinstance(measured, float)
    await pass_time(clock, MOMENT)
    passed = clock.monotonic() - measured
    assert passed >= MOMENT * 0.999
    # The machine's own may be set right meanwhile, by little.
    assert clock.now() - stamped == pytest.approx(
        timedelta(seconds=passed), abs=timedelta(seconds=0.5)
    )


async def test_who_sleeps_wakes_when_the_time_has_come_and_not_before(clock: Clock) -> None:
    (sleeper,) = await slept(clock, MOMENT)
    assert sleeper.woke_at >= sleeper.due - MOMENT / 1000


async def test_who_is_due_first_wakes_first(clock: Clock) -> None:
    woken = await slept(clock, 3 * MOMENT, MOMENT, 2 * MOMENT)
    assert woken == sorted(woken, key=lambda one: one.due)
    assert len(woken) == 3


@pytest.mark.parametrize("seconds", [0, -1])
async def test_a_sleep_of_no_time_lets_others_run_and_ends(clock: Clock, seconds: float) -> None:
    other = asyncio.create_task(asyncio.sleep(0))
    async with asyncio.timeout(4):
        while not other.done():
            await clock.sleep(seconds)


async def test_a_sleep_that_is_cancelled_wakes_nobody_else(clock: Clock) -> None:
    woken: list[Sleeper] = []
    long = Sleeper(clock, 3600, woken)
    await asyncio.sleep(0)
    long.task.cancel()
    (short,) = await slept(clock, MOMENT)
    with pytest.raises(asyncio.CancelledError):
        await long.task
    assert woken == []
    assert short.woke_at >= short.due - MOMENT / 1000


# --- Waiting for an event, by a clock.


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
