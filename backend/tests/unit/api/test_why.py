"""Why there was no event, in words."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backend.api.why import Evidence, reasons, sentence

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TIME = "between 2026-03-01 13:00:00 and 2026-03-01 13:04:00"
EVENT = {
    "id": 17,
    "state": "closed",
    "score": 65,
    "summary": "Person at 13:01",
    "first_at": NOON,
    "last_at": NOON + timedelta(seconds=8),
}

BAD = {"path": "hof/a.jpg", "reason": "it is empty"}


def fate(state: str, frames: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "state": state,
        "frames": frames,
        "reason": None,
        "detector": None,
        "remark": None,
        "suspect": 0,
        **more,
    }


def evidence(*fates: dict[str, Any], **more: Any) -> Evidence:
    known: dict[str, Any] = {
        "camera_since": NOON - timedelta(days=9),
        "zone": ZoneInfo("Europe/Berlin"),
        "since": NOON,
        "until": NOON + timedelta(minutes=4),
        "fates": fates,
        "dropped": [],
        "events": [],
        "quarantine": [],
        "before": None,
        "after": None,
    }
    return Evidence(**known | more)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (evidence(), f"No event: no picture taken {TIME} is known."),
        (
            evidence(quarantine=[BAD]),
            (
                f"No event: no picture taken {TIME} is known, but hof/a.jpg is in quarantine: "
                "it is empty."
            ),
        ),
        (
            evidence(quarantine=[BAD, BAD | {"path": "hof/b.jpg"}]),
            (
                f"No event: no picture taken {TIME} is known, but hof/a.jpg, as others of that "
                "time, is in quarantine: it is empty."
            ),
        ),
        (
            evidence(fate("empty"), quarantine=[BAD]),
            f"No event: of 1 picture taken {TIME}, none showed anything that matters.",
        ),
        (evidence(fate("attached"), events=[EVENT]), f"There was an event {TIME}."),
        (evidence(fate("attached"), events=[EVENT] * 2), f"There were 2 events {TIME}."),
        (
            evidence(fate("empty", 2), fate("empty")),
            f"No event: of 3 pictures taken {TIME}, none showed anything that matters.",
        ),
        (
            evidence(fate("empty", 2), fate("received")),
            f"No event yet: of 3 pictures taken {TIME}, 1 still waits to be looked at.",
        ),
        (
            evidence(fate("empty", 2), fate("skipped", 7)),
            (
                f"No event: of 9 pictures taken {TIME}, 2 showed nothing that matters, and 7 could "
                "not be, or were not, looked at."
            ),
        ),
        (
            evidence(fate("attached", 2)),
            (
                f"No event: of 2 pictures taken {TIME}, 2 showed something, but of no event that "
                "is still there."
            ),
        ),
        (
            evidence(fate("attached", 2), fate("empty", 3), fate("buried", 4)),
            (
                f"No event: of 9 pictures taken {TIME}, 3 showed nothing that matters, 2 showed "
                "something, but of no event that is still there, and 4 could not be, or were not, "
                "looked at."
            ),
        ),
    ],
)
def test_one_sentence_answers(known: Evidence, said: str) -> None:
    assert sentence(known) == said


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (fate("received", 2), "2 pictures still wait to be looked at."),
        (
            fate("received", reason="it broke"),
            "1 picture still waits to be looked at; what came of the last attempt: it broke.",
        ),
        (fate("attached", 3, detector="yolox"), "3 pictures showed something, seen by yolox."),
        (
            fate("empty", 3, detector="yolox", remark="no motion"),
            "3 pictures were looked at by yolox and showed nothing that matters: no motion.",
        ),
        (fate("empty"), "1 picture was looked at and showed nothing that matters."),
        (fate("skipped", 2, reason="too many"), "2 pictures were not looked at: too many."),
        (
            fate("quarantined", 2, reason="it ends too early"),
            "2 pictures cannot be decoded to the end: it ends too early.",
        ),
        (
            fate("buried", 2),
            "2 pictures are given up (`hsi dlq list`): no reason was kept.",
        ),
    ],
)
def test_each_fate_is_a_sentence(what: dict[str, Any], said: str) -> None:
    assert reasons(evidence(what)) == [said]


def test_events_come_first() -> None:
    assert reasons(evidence(fate("attached"), events=[EVENT]))[0] == (
        "Event 17, closed, high 65: Person at 13:01; "
        "from 2026-03-01 13:00:00 to 2026-03-01 13:00:08."
    )


def test_what_was_dropped_is_said_in_words() -> None:
    dropped = [
        {"reason": "class:chair", "things": 4, "frames": 2},
        {"reason": "empty", "things": 1, "frames": 1},
        {"reason": "no box", "things": 1, "frames": 1},
    ]
    assert reasons(evidence(fate("empty"), dropped=dropped))[-1] == (
        "Found and not kept: chair (a class that does not matter), 4 in 2 pictures; "
        "boxes without an area, 1 in 1 picture; no box, 1 in 1 picture."
    )


HIDDEN = {"reason": "suppressed:3", "things": 1, "frames": 1}
STANDING = {"reason": "scene:car", "things": 2, "frames": 2}
SUPPRESSION = {
    "class_name": "person",
    "note": None,
    "ends_at": NOON + timedelta(days=30),
    "undone_at": None,
}


@pytest.mark.parametrize(
    ("dropped", "said"),
    [
        ([STANDING], "but what belongs to the scene."),
        ([HIDDEN], "but what is suppressed."),
        ([HIDDEN, STANDING], "but what belongs to the scene or is suppressed."),
        ([{"reason": "class:chair", "things": 1, "frames": 1}], "that matters."),
    ],
)
def test_what_was_there_and_no_news_is_in_the_answer(
    dropped: list[dict[str, Any]], said: str
) -> None:
    known = evidence(fate("empty"), dropped=dropped)
    assert sentence(known).endswith(f" taken {TIME}, none showed anything {said}")


def test_what_stood_there_and_what_was_hidden_is_a_reason() -> None:
    known = evidence(fate("empty"), dropped=[STANDING, HIDDEN], suppressions={3: SUPPRESSION})
    assert reasons(known)[-1] == (
        "Found and not kept: car that belongs to the scene, 2 in 2 pictures; "
        "person hidden by suppression 3, until 2026-03-31 14:00, 1 in 1 picture."
    )


BEFORE = {"id": 1, "captured_at": NOON - timedelta(hours=1), "state": "empty"}
AFTER = {"id": 2, "captured_at": NOON + timedelta(hours=1), "state": "empty"}


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (evidence(), ["No picture of this camera is known at all."]),
        (
            evidence(before=BEFORE),
            [
                "The last picture before was taken at 2026-03-01 12:00:00.",
                "None has come since.",
            ],
        ),
        (
            evidence(after=AFTER, camera_since=NOON + timedelta(hours=1)),
            [
                "The camera is known since 2026-03-01 14:00:00.",
                "No picture was taken before.",
                "The first picture after was taken at 2026-03-01 14:00:00.",
            ],
        ),
    ],
)
def test_a_gap_says_what_is_around_it(known: Evidence, said: list[str]) -> None:
    assert reasons(known) == said
