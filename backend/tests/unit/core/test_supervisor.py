import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
from structlog.testing import capture_logs

from backend.core.errors import Unavailable
from backend.core.retry import Pauses
from backend.core.supervisor import Supervisor
from backend.tests.fixtures.clock import ManualClock

Part = Callable[[], Awaitable[None]]


@asynccontextmanager
async def supervised(supervisor: Supervisor) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(supervisor.run())
    yield task
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def settle() -> None:
    """Let everybody run until they wait for something."""
    for _ in range(10):
        await asyncio.sleep(0)


class Failing:
    """A part that fails as often as it is started, after some seconds; notes its starts."""

    def __init__(self, clock: ManualClock, error: Exception | None, *seconds: float) -> None:
        self.starts: list[float] = []
        self._clock = clock
        self._error = error
        self._seconds = iter(seconds)

    async def run(self) -> None:
        self.starts.append(self._clock.monotonic())
        await self._clock.sleep(next(self._seconds, 0))
        if self._error is not None:
            raise self._error


async def forever() -> None:
    await asyncio.Event().wait()


async def run_for(clock: ManualClock, seconds: int) -> None:
    for _ in range(seconds):
        clock.advance(1)
        await settle()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def supervisor(clock: ManualClock) -> Supervisor:
    return Supervisor(clock, pauses=partial(Pauses, chance=lambda: 0.0))


async def test_the_pause_doubles_up_to_half_a_minute(
    clock: ManualClock, supervisor: Supervisor
) -> None:
    part = Failing(clock, Unavailable("no server", code="x"))
    supervisor.add("part", part.run)
    async with supervised(supervisor):
        await settle()
        await run_for(clock, 125)
    assert part.starts == [0, 1, 3, 7, 15, 31, 61, 91, 121]


async def test_after_a_sound_half_minute_the_pause_is_short_again(
    clock: ManualClock, supervisor: Supervisor
) -> None:
    part = Failing(clock, Unavailable("no server", code="x"), 0, 0, 0, 31)
    supervisor.add("part", part.run)
    async with supervised(supervisor):
        await settle()
        await run_for(clock, 41)
    assert part.starts == [0, 1, 3, 7, 39, 41]


async def test_what_fails_again_and_again_does_not_run_since_the_first_time(
    clock: ManualClock, supervisor: Supervisor
) -> None:
    part = Failing(clock, Unavailable("no disk", code="disk.gone"), 2, 0, 0, 0, 31)
    supervisor.add("part", part.run)
    async with supervised(supervisor):
        await settle()
        began, since = clock.now(), set()
        while len(part.starts) < 5:
            await run_for(clock, 1)
            state = supervisor.states["part"]
            if not state.running:
                since.add((state.since - began).total_seconds())
        assert since == {2}
        await run_for(clock, 31)  # so long it ran, and then failed anew
        state = supervisor.states["part"]
        assert not state.running
        assert state.since == clock.now()


async def test_woken_parts_end_their_pauses(clock: ManualClock, supervisor: Supervisor) -> None:
    parts = [Failing(clock, Unavailable("no server", code="x")) for _ in range(2)]
    for number, part in enumerate(parts):
        supervisor.add(f"part {number}", part.run)
    async with supervised(supervisor):
        await settle()
        await run_for(clock, 20)
        supervisor.wake()
        await settle()
        assert [part.starts[-2:] for part in parts] == [[15, 20]] * 2
        await settle()
        assert [part.starts[-1] for part in parts] == [20, 20]  # once, and not for ever


async def test_others_go_on_and_the_states_say_why(
    clock: ManualClock, supervisor: Supervisor
) -> None:
    begun = clock.now()
    supervisor.add("sound", forever)
    supervisor.add("failing", Failing(clock, Unavailable("no server", code="x"), 5, 5).run)
    async with supervised(supervisor):
        await settle()
        await run_for(clock, 5)
        assert supervisor.states["sound"].running
        assert supervisor.states["sound"].since == begun
        state = supervisor.states["failing"]
        assert (state.running, state.since) == (False, clock.now())
        assert (state.reason, state.code) == ("no server", "x")
        await run_for(clock, 1)
        assert supervisor.states["failing"].running
        assert supervisor.states["failing"].reason is None


async def test_a_bug_is_logged_with_its_trace_and_does_not_show_its_text(
    clock: ManualClock, supervisor: Supervisor
) -> None:
    supervisor.add("part", Failing(clock, KeyError("secret")).run)
    with capture_logs() as logs:
        async with supervised(supervisor):
            await settle()
            assert supervisor.states["part"].reason == "an unexpected error: KeyError"
    assert [(line["event"], line["exc_info"]) for line in logs] == [("part failed", True)]


async def test_an_expected_error_is_one_line(clock: ManualClock, supervisor: Supervisor) -> None:
    supervisor.add("part", Failing(clock, Unavailable("no server", code="x.y")).run)
    with capture_logs() as logs:
        async with supervised(supervisor):
            await settle()
    (line,) = logs
    assert (line["reason"], line["code"], "exc_info" in line) == ("no server", "x.y", False)


async def test_a_part_that_ends_is_started_again(
    clock: ManualClock, supervisor: Supervisor
) -> None:
    part = Failing(clock, None)
    supervisor.add("part", part.run)
    async with supervised(supervisor):
        await settle()
        assert supervisor.states["part"].reason == "it ended without being asked to"
        await run_for(clock, 1)
    assert part.starts == [0, 1]


async def test_when_cancelled_all_parts_have_ended(supervisor: Supervisor) -> None:
    ended: list[str] = []

    def part(name: str) -> Part:
        async def run() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                ended.append(name)

        return run

    for name in ("a", "b"):
        supervisor.add(name, part(name))
    async with supervised(supervisor) as task:
        await settle()
        task.cancel()
        await asyncio.wait([task])
        assert sorted(ended) == ["a", "b"]


async def test_an_error_while_a_part_ends_does_not_keep_it_alive(
    clock: ManualClock, supervisor: Supervisor
) -> None:
    starts = 0

    async def run() -> None:
        nonlocal starts
        starts += 1
        try:
            await asyncio.Event().wait()
        finally:
            raise Unavailable("no server", code="x")

    supervisor.add("part", run)
    async with supervised(supervisor) as task:
        await settle()
        task.cancel()
        await settle()
        assert task.cancelled()
    assert starts == 1


async def test_a_part_that_loses_a_cancellation_is_cancelled_again(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.core.supervisor._CANCEL_EVERY_SECONDS", 0.01)
    lost: list[str] = []

    async def deaf() -> None:
        while len(lost) < 2:
            try:
                await forever()
            except asyncio.CancelledError:
                lost.append("once more")
        await forever()

    supervisor.add("deaf", deaf)
    async with asyncio.timeout(0.9), supervised(supervisor):
        await settle()
    assert len(lost) == 2
