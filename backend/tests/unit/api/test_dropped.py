"""What was found and is no detection, in words."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backend.api.dropped import DroppedWords, suppression_ids

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KNOWN: dict[int, dict[str, Any]] = {
    3: {"class_name": "person", "note": "The coat.", "ends_at": NOON, "undone_at": None},
    4: {
        "class_name": "car",
        "note": None,
        "ends_at": NOON + timedelta(days=9),
        "undone_at": NOON + timedelta(days=1),
    },
}


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("class:chair", "chair (a class that does not matter)"),
        ("scene:car", "car that belongs to the scene"),
        ("suppressed:3", "person hidden by suppression 3 (The coat.), until 2026-03-01 13:00"),
        ("suppressed:4", "car hidden by suppression 4, undone at 2026-03-02 13:00"),
        ("suppressed:5", "something hidden by suppression 5"),
        ("suppressed:x", "suppressed:x"),
        ("outside", "boxes outside the picture"),
        ("of a later version", "of a later version"),
    ],
)
def test_each_reason_has_words(reason: str, said: str) -> None:
    words = DroppedWords(KNOWN, ZoneInfo("Europe/Berlin"))
    assert words.of(reason) == said
    assert words.counted(reason, 1) == f"1 {said}"
    assert words.counted(reason, 2) == f"2 x {said}"


def test_the_suppressions_that_reasons_name_are_known() -> None:
    assert suppression_ids(["suppressed:3", "scene:car", "suppressed:x", "suppressed:12"]) == {
        3,
        12,
    }
