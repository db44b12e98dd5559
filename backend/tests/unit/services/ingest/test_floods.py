"""Since when pictures are looked at."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.core.breaker import BreakerState, BreakerView
from backend.core.supervisor import PartState
from backend.services.ingest.floods import looked_at_since
from backend.tests.fixtures.clock import ManualClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT_NOON, LATER = (NOON, 0.0), (NOON + timedelta(minutes=20), 1200.0)
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


def at_one(*, put_by: timedelta = timedelta(0)) -> ManualClock:
    """An hour after noon by its steady time; and `put_by` beside it by the other."""
    clock = ManualClock(NOON)
    clock.advance(3600)
    clock.jump(put_by)
    return clock


@pytest.mark.parametrize(
    ("part", "breaker", "since"),
    [
        (PartState(True, *AT_NOON), BreakerView(CLOSED, *LATER), LATER[0]),
        (PartState(True, *LATER), BreakerView(CLOSED, *AT_NOON), LATER[0]),
        (PartState(False, *AT_NOON, "no Redis"), BreakerView(CLOSED, *AT_NOON), None),
        (PartState(True, *AT_NOON), BreakerView(OPEN, *AT_NOON, "it is off"), None),
        (PartState(True, *AT_NOON), BreakerView(HALF_OPEN, *AT_NOON, "it is off"), None),
        (None, BreakerView(CLOSED, *AT_NOON), None),
    ],
)
def test_both_the_part_and_the_detector_have_to_work(
    part: PartState | None, breaker: BreakerView, since: datetime | None
) -> None:
    assert looked_at_since(part, breaker, at_one()) == since


@pytest.mark.parametrize("days", [1, -1])
def test_it_is_told_by_the_clock_as_it_goes_now(days: int) -> None:
    """Else nothing would seem to have come since, for a day after the clock was put back."""
    put_by = timedelta(days=days)
    since = looked_at_since(
        PartState(True, *LATER), BreakerView(CLOSED, *AT_NOON), at_one(put_by=put_by)
    )
    assert since == LATER[0] + put_by
