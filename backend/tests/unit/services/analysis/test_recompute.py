"""A score made again from stored detections is the score that the frames gave."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from backend.domain.boxes import Box, Detection
from backend.domain.classes import GROUPS
from backend.domain.risk import Facts, facts_of, judge
from backend.services.analysis.recompute import judged_again

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOX = Box(0.1, 0.1, 0.5, 0.5)

seen = st.builds(
    Detection, st.sampled_from(sorted(GROUPS)), st.floats(0, 1, width=32), st.just(BOX)
)
frames = st.lists(
    st.tuples(st.integers(0, 80_000), st.lists(seen, min_size=1, max_size=4)),
    min_size=1,
    max_size=8,
)


def rows_of(made: list[tuple[int, list[Detection]]]) -> list[dict[str, Any]]:
    return [
        {
            "frame_id": number,
            "captured_at": NOON + timedelta(seconds=second),
            "class_name": one.class_name,
            "confidence": one.confidence,
            "x": 0.1,
            "y": 0.1,
            "width": 0.5,
            "height": 0.5,
        }
        for number, (second, detections) in enumerate(made)
        for one in detections
    ]


@given(frames, st.sampled_from(["UTC", "Europe/Berlin", "America/Los_Angeles"]))
def test_it_is_the_same(made: list[tuple[int, list[Detection]]], zone: str) -> None:
    facts = [facts_of(NOON + timedelta(seconds=second), found) for second, found in made]
    assert judged_again(rows_of(made), zone) == judge(reduce(Facts.merged, facts), ZoneInfo(zone))
