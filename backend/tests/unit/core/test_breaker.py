"""The circuit breaker, against a model of it and with those who wait."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from structlog.testing import capture_logs

from backend.core import metrics
from backend.core.breaker import LONGEST_PAUSE, Breaker, BreakerState
from backend.core.errors import Invalid, Unavailable
from backend.core.retry import Pauses
from backend.tests.fixtures.clock import ManualClock

GONE = Unavailable("it does not answer", code="thing.gone")


class Call:
    """A call that is under way until it is told how to end."""

    def __init__(self, breaker: Breaker) -> None:
        self._around = breaker.call()
        self._around.__enter__()

    def succeed(self) -> None:
        self._around.__exit__(None, None, None)

    def fail(self, error: BaseException) -> None:
        assert not self._around.__exit__(type(error), error, error.__traceback__), "hidden"


def breaker_of(clock: ManualClock, closed: Callable[[], None] = lambda: None) -> Breaker:
    pauses = Pauses(longest=LONGEST_PAUSE, chance=lambda: 0.0)
    return Breaker("thing", clock, closed=closed, pauses=pauses)


class Machine(RuleBasedStateMachine):
    """Calls begin and end in any order while time passes.

    The model: failures in a row since it was closed, when the next probe is due, and who probes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.closings = 0
        self.breaker = breaker_of(self.clock, self._note_closing)
        self.calls: list[tuple[Call, int]] = []
        self.probe: Call | None = None
        self.failures = 0
        self.due = 0.0
        self.opened_at = self.closed_at = self.clock.now()
        self.period = 0
        self.closed = 0

    def _note_closing(self) -> None:
        self.closings += 1

    @rule(seconds=st.sampled_from([0.1, 0.9, 1.0, 2.0, 5.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @property
    def let_through(self) -> bool:
        is_due = self.clock.monotonic() >= self.due
        return self.failures == 0 or (is_due and self.probe is None)

    @precondition(lambda self: self.let_through)
    @rule()
    def a_call_begins(self) -> None:
        call = Call(self.breaker)
        if self.failures:
            self.probe = call
        else:
            self.calls.append((call, self.period))

    @precondition(lambda self: not self.let_through)
    @rule()
    def a_call_is_refused(self) -> None:
        with pytest.raises(Unavailable, match="does not answer") as refused:
            Call(self.breaker)
        assert refused.value.code == "thing.gone"

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), error=st.sampled_from([None, GONE, Invalid("odd", code="x"), KeyError()]))
    def a_call_ends(self, data: st.DataObject, error: Exception | None) -> None:
        index = data.draw(st.integers(0, len(self.calls) - 1))
        call, period = self.calls.pop(index)
        if error is None:
            call.succeed()
            return
        call.fail(error)
        if error is GONE and period == self.period:
            self._opens()

    @precondition(lambda self: self.probe is not None)
    @rule(error=st.sampled_from([None, GONE, Invalid("odd", code="x"), asyncio.CancelledError()]))
    def the_probe_ends(self, error: BaseException | None) -> None:
        assert self.probe is not None
        probe, self.probe = self.probe, None
        if error is None:
            probe.succeed()
            self.failures, self.closed_at = 0, self.clock.now()
            self.period += 1
            self.closed += 1
            return
        probe.fail(error)
        if error is GONE:
            self._opens()

    def _opens(self) -> None:
        if not self.failures:
            self.opened_at = self.clock.now()
        self.due = self.clock.monotonic() + min(2.0**self.failures, LONGEST_PAUSE)
        self.failures += 1
        self.period += 1

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        view = self.breaker.view
        if not self.failures:
            assert (view.state, view.since) == (BreakerState.CLOSED, self.closed_at)
            assert (view.reason, view.code) == (None, None)
        else:
            is_due = self.clock.monotonic() >= self.due
            assert view.state is (BreakerState.HALF_OPEN if is_due else BreakerState.OPEN)
            assert (view.since, view.reason) == (self.opened_at, str(GONE))
        assert self.closings == self.closed


TestBreaker = Machine.TestCase


async def test_those_who_wait_go_one_at_a_time_until_one_succeeds() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock)
    asked: list[int] = []
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def ask(number: int) -> None:
        await breaker.ready()
        with breaker.call():
            asked.append(number)
            await answer

    Call(breaker).fail(GONE)
    asking = [asyncio.create_task(ask(number)) for number in range(3)]
    await until(lambda: clock.sleepers == 3)
    clock.advance(1)
    await until(lambda: asked)
    await asyncio.sleep(0)
    assert (asked, breaker.state) == ([0], BreakerState.HALF_OPEN)
    answer.set_result(None)
    await asyncio.gather(*asking)
    assert (asked, breaker.state) == ([0, 1, 2], BreakerState.CLOSED)


async def test_when_a_probe_is_cut_short_the_next_one_probes() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock)
    Call(breaker).fail(GONE)
    clock.advance(1)
    probe = Call(breaker)
    waiting = asyncio.create_task(breaker.ready())
    await asyncio.sleep(0)
    assert not waiting.done()
    probe.fail(asyncio.CancelledError())
    await asyncio.wait_for(waiting, 0.8)
    assert breaker.state is BreakerState.HALF_OPEN


async def test_it_is_ready_at_once_where_nothing_is_wrong() -> None:
    await asyncio.wait_for(Breaker("thing", ManualClock()).ready(), 0.8)


def test_it_is_counted_and_logged_when_it_opens() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock)
    counter = metrics.BREAKER_OPENED.labels(breaker="thing")
    before = counter._value.get()
    with capture_logs() as said:
        for _ in range(2):
            Call(breaker).fail(GONE)
            clock.advance(2)
        Call(breaker).succeed()
    assert counter._value.get() == before + 1, "a failed probe does not open it once more"
    assert [line["event"] for line in said] == ["breaker open", "breaker open", "breaker closed"]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(0.8):
        while not condition():
            await asyncio.sleep(0)
