"""What became of a frame, in words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.api.traces import file_sentence, sentence, steps, trace_of
from backend.domain.frames import Lane

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENT = {"id": 17, "summary": "Person at 12:00:00", "state": "open", "score": 65}


def frame(**values: Any) -> dict[str, Any]:
    return {
        "state": "received",
        "reason": None,
        "remarks": None,
        "detector": None,
        "attempts": 0,
        "width": 640,
        "height": 480,
        "size": 1000,
        "found_by": "watch",
        "received_at": NOON,
        "claimed_at": None,
        "finished_at": None,
        "content_hash": bytes(32),
        **values,
    }


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "It waits to be looked at, in the live lane."),
        (
            {"attempts": 1, "reason": "RuntimeError: x"},
            (
                "It waits to be looked at, in the live lane; attempts so far: 1; "
                "what came of the last: RuntimeError: x."
            ),
        ),
        (
            {"attempts": 1},
            (
                "It waits to be looked at, in the live lane; attempts so far: 1; "
                "what came of the last: not known, the worker may be at it."
            ),
        ),
        (
            {"state": "attached"},
            (
                "It showed something and belongs to event 17 (Person at 12:00:00), "
                "which is open and of high risk."
            ),
        ),
        ({"state": "empty"}, "It was looked at and showed nothing that matters."),
        (
            {"state": "empty", "remarks": {"detector": "no motion", "dropped": {"class chair": 2}}},
            (
                "It was looked at and showed nothing that matters (no motion); "
                "found and not kept: 2 x class chair."
            ),
        ),
        (
            {"state": "quarantined", "reason": "it ends too early"},
            "It is no picture that can be decoded to its end: it ends too early.",
        ),
        (
            {"state": "buried", "reason": "three attempts failed"},
            "The work on it cannot succeed: three attempts failed.",
        ),
        ({"state": "buried"}, "The work on it cannot succeed: no reason was kept."),
    ],
)
def test_one_sentence_says_what_became_of_it(values: dict[str, Any], said: str) -> None:
    assert sentence(frame(**values), EVENT, Lane.LIVE) == said


def test_an_event_that_is_gone_is_said() -> None:
    said = sentence(frame(state="attached"), None, Lane.LIVE)
    assert said == "It showed something; its event is no longer kept."


def test_the_steps_are_those_that_were_taken() -> None:
    assert [step["step"] for step in steps(frame())] == ["received"]
    whole = frame(
        state="buried",
        reason="three attempts failed",
        detector="yolox",
        attempts=3,
        found_by="scan",
        claimed_at=NOON + timedelta(seconds=1),
        finished_at=NOON + timedelta(seconds=2),
    )
    assert steps(whole) == [
        {"step": "received", "at": NOON, "what": "found by a scan: 640x480, 1000 bytes"},
        {"step": "claimed", "at": NOON + timedelta(seconds=1), "what": "attempt 3 began"},
        {
            "step": "finished",
            "at": NOON + timedelta(seconds=2),
            "what": "buried, by yolox: three attempts failed",
        },
    ]


@pytest.mark.parametrize(
    ("values", "lane"),
    [
        ({}, Lane.BACKLOG),
        ({"claimed_at": NOON + timedelta(seconds=1)}, Lane.LIVE),
        ({"claimed_at": NOON + timedelta(seconds=1), "found_by": "scan"}, Lane.BACKLOG),
    ],
)
def test_the_lane_is_the_one_at_the_claim_else_now(values: dict[str, Any], lane: Lane) -> None:
    traced = trace_of(frame(**values), [], None, now=NOON + timedelta(hours=1))
    assert traced["lane"] is lane
    assert traced["frame"]["sha256"] == "00" * 32


WAITS = {"sentence": "It waits."}
IN_QUARANTINE = {"reason": "the file is empty", "released_at": None}
RELEASED = {"reason": "the file is empty", "released_at": NOON}


@pytest.mark.parametrize(
    ("traces", "quarantined", "said"),
    [
        ([WAITS], None, "It waits."),
        ([WAITS], RELEASED, "It waits."),
        (
            [WAITS, WAITS],
            None,
            "It was 2 frames, each with other content; of the latest: It waits.",
        ),
        ([], IN_QUARANTINE, "It is in quarantine: the file is empty."),
        (
            [WAITS],
            IN_QUARANTINE,
            "It is in quarantine: the file is empty. Before that, it was a frame.",
        ),
        ([], RELEASED, "It was in quarantine, then became a frame that is no longer kept."),
    ],
)
def test_a_file_has_one_sentence(
    traces: list[dict[str, Any]], quarantined: dict[str, Any] | None, said: str
) -> None:
    assert file_sentence(traces, quarantined) == said
