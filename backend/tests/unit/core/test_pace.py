"""When something is slow, and since when."""

import asyncio
from contextlib import ExitStack

import pytest

from backend.core.pace import Pace
from backend.tests.fixtures.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def pace(clock: ManualClock) -> Pace:
    return Pace(clock, limit=1.0)


def take(pace: Pace, clock: ManualClock, *times: float) -> None:
    for seconds in times:
        with pace.timed():
            clock.advance(seconds)


def test_three_slow_ones_in_a_row_are_slow_since_the_first_began(
    pace: Pace, clock: ManualClock
) -> None:
    take(pace, clock, 1.0, 0.1)
    begun = clock.now()
    take(pace, clock, 1.5, 2.0)
    assert pace.slowness is None
    take(pace, clock, 3.0)
    found = pace.slowness
    assert found is not None
    assert (found.seconds, found.since, found.answered) == (3.0, begun, True)
    take(pace, clock, 0.5)
    assert pace.slowness is None


def test_who_does_not_answer_is_slow_before_it_does(pace: Pace, clock: ManualClock) -> None:
    begun = clock.now()
    with pace.timed():
        clock.advance(5.0)
        assert pace.slowness is None
        clock.advance(1.0)
        found = pace.slowness
        assert found is not None
        assert (found.seconds, found.since, found.answered) == (6.0, begun, False)
    assert pace.slowness is None


def test_what_nobody_asks_for_a_minute_is_not_known_to_be_slow(
    pace: Pace, clock: ManualClock
) -> None:
    take(pace, clock, 2.0, 2.0, 2.0)
    clock.advance(59)
    assert pace.slowness is not None
    clock.advance(1)
    assert pace.slowness is None


def test_what_was_slow_before_a_quiet_time_does_not_count(pace: Pace, clock: ManualClock) -> None:
    take(pace, clock, 2.0, 2.0, 2.0)
    clock.advance(3600)
    with pace.timed():
        assert pace.slowness is None
        clock.advance(2)
    assert pace.slowness is None
    take(pace, clock, 2.0, 2.0)
    found = pace.slowness
    assert found is not None
    assert (clock.now() - found.since).total_seconds() == 6.0


def test_calls_that_one_stall_held_up_count_once(pace: Pace, clock: ManualClock) -> None:
    with ExitStack() as at_once:
        for _ in range(6):
            at_once.enter_context(pace.timed())
        clock.advance(2)
    assert pace.slowness is None
    take(pace, clock, 2.0)
    assert pace.slowness is None
    take(pace, clock, 2.0)
    assert pace.slowness is not None


def test_a_call_that_was_cancelled_soon_says_nothing(pace: Pace, clock: ManualClock) -> None:
    take(pace, clock, 2.0, 2.0, 2.0)
    with pytest.raises(asyncio.CancelledError):
        fail_after(0.5, asyncio.CancelledError(), pace, clock)
    assert pace.slowness is not None


def test_a_call_that_was_cancelled_late_was_slow(pace: Pace, clock: ManualClock) -> None:
    for _ in range(3):
        with pytest.raises(asyncio.CancelledError):
            fail_after(2.0, asyncio.CancelledError(), pace, clock)
    assert pace.slowness is not None


def test_a_call_that_fails_is_timed_too(pace: Pace, clock: ManualClock) -> None:
    for _ in range(3):
        with pytest.raises(OSError, match="broken"):
            fail_after(2.0, OSError("broken"), pace, clock)
    assert pace.slowness is not None


def fail_after(seconds: float, error: BaseException, pace: Pace, clock: ManualClock) -> None:
    with pace.timed():
        clock.advance(seconds)
        raise error
