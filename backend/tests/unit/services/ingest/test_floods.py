"""Since when pictures are looked at."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.core.breaker import BreakerState, BreakerView
from backend.core.supervisor import PartState
from backend.services.ingest.floods import looked_at_since

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


@pytest.mark.parametrize(
    ("part", "breaker", "since"),
    [
        (PartState(True, NOON), BreakerView(BreakerState.CLOSED, LATER), LATER),
        (PartState(True, LATER), BreakerView(BreakerState.CLOSED, NOON), LATER),
        (PartState(False, NOON, "no Redis"), BreakerView(BreakerState.CLOSED, NOON), None),
        (PartState(True, NOON), BreakerView(BreakerState.OPEN, NOON, "it is off"), None),
        (PartState(True, NOON), BreakerView(BreakerState.HALF_OPEN, NOON, "it is off"), None),
        (None, BreakerView(BreakerState.CLOSED, NOON), None),
    ],
)
def test_both_the_part_and_the_detector_have_to_work(
    part: PartState | None, breaker: BreakerView, since: datetime | None
) -> None:
    assert looked_at_since(part, breaker) == since
