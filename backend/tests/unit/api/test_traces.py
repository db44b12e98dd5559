"""What became of a frame, in words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.api.traces import Story, file_sentence, latency_of, sentence, steps, trace_of
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
        "completed_at": None,
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
            {"state": "attached", "remarks": {"dropped": {"scene:car": 1, "suppressed:3": 2}}},
            (
                "It showed something and belongs to event 17 (Person at 12:00:00), "
                "which is open and of high risk; found and not kept: "
                "1 car that belongs to the scene; 2 x something hidden by suppression 3."
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
        (
            {"state": "skipped", "reason": "more than 1000 waited"},
            "Nobody looked at it: more than 1000 waited.",
        ),
    ],
)
def test_one_sentence_says_what_became_of_it(values: dict[str, Any], said: str) -> None:
    assert sentence(frame(**values), EVENT, Lane.LIVE) == said


def test_an_event_that_is_gone_is_said() -> None:
    said = sentence(frame(state="attached"), None, Lane.LIVE)
    assert said == "It showed something; its event is no longer kept."


def test_the_steps_are_those_that_were_taken() -> None:
    assert [step["step"] for step in steps(Story(frame()))] == ["received"]
    whole = frame(
        state="buried",
        reason="three attempts failed",
        detector="yolox",
        attempts=3,
        found_by="scan",
        claimed_at=NOON + timedelta(seconds=1),
        finished_at=NOON + timedelta(seconds=2),
    )
    assert steps(Story(whole)) == [
        {"step": "received", "at": NOON, "what": "found by a scan: 640x480, 1000 bytes"},
        {"step": "claimed", "at": NOON + timedelta(seconds=1), "what": "attempt 3 began"},
        {
            "step": "finished",
            "at": NOON + timedelta(seconds=2),
            "what": "buried, by yolox: three attempts failed",
        },
    ]


def test_an_attempt_that_did_not_count_is_none() -> None:
    given_back = frame(claimed_at=NOON + timedelta(seconds=1))
    assert steps(Story(given_back))[-1]["what"] == "picked up, and given back"


def test_of_a_service_the_model_that_looked_is_named() -> None:
    seen = frame(
        state="empty",
        detector="service:a:1,b:1",
        remarks={"source": "rtdetr:s.onnx at b:1"},
        finished_at=NOON,
    )
    assert steps(Story(seen))[-1]["what"] == "empty, by rtdetr:s.onnx at b:1"


def second(number: int) -> datetime:
    return NOON + timedelta(seconds=number)


def letter(**values: Any) -> dict[str, Any]:
    return {
        "state": "dead",
        "reason": "it broke",
        "tries": 6,
        "replays": 1,
        "first_at": second(3),
        "last_at": second(9),
        "decided_at": second(5),
        **values,
    }


@pytest.mark.parametrize(
    ("values", "of_letter", "told"),
    [
        (
            {"state": "buried", "finished_at": second(3)},
            letter(replays=0, last_at=second(3), decided_at=None),
            ["received", "finished"],
        ),
        (
            {"state": "buried", "finished_at": second(9)},
            letter(),
            ["received", "buried", "replayed", "finished"],
        ),
        (
            {"state": "empty", "finished_at": second(12)},
            letter(state="replayed", replays=2, decided_at=second(11)),
            ["received", "buried", "buried", "replayed", "finished"],
        ),
        (
            {"state": "empty", "finished_at": second(12)},
            letter(state="replayed", last_at=second(3)),
            ["received", "buried", "replayed", "finished"],
        ),
        (
            {"state": "buried", "finished_at": second(9)},
            letter(state="discarded", decided_at=second(10)),
            ["received", "buried", "finished", "discarded"],
        ),
        (
            {"state": "buried", "finished_at": second(3)},
            letter(state="discarded", replays=0, last_at=second(3), decided_at=second(10)),
            ["received", "finished", "discarded"],
        ),
    ],
)
def test_what_was_given_up_and_begun_anew_is_told(
    values: dict[str, Any], of_letter: dict[str, Any], told: list[str]
) -> None:
    story = Story(frame(reason="it broke", **values), of_letter)
    assert [step["step"] for step in steps(story)] == told


def times(**values: Any) -> dict[str, Any]:
    names = ("completed", "received", "claimed", "finished", "assessed", "told", "closed")
    return {"frame_id": None, **{f"{name}_at": None for name in names}, **values}


def test_all_steps_of_a_frame_come_in_their_order() -> None:
    whole = frame(
        id=4711,
        state="attached",
        completed_at=second(-1),
        claimed_at=second(1),
        finished_at=second(2),
    )
    event = times(frame_id=4711, told_at=second(4), closed_at=second(34))
    found = steps(Story(whole, None, event, second(3)))
    assert [(step["step"], step["at"]) for step in found] == [
        ("completed", second(-1)),
        ("received", second(0)),
        ("claimed", second(1)),
        ("finished", second(2)),
        ("assessed", second(3)),
        ("told", second(4)),
        ("closed", second(34)),
    ]
    other = steps(Story(whole, None, {**event, "frame_id": 4712}, second(3)))
    assert "told" not in [step["step"] for step in other]


def test_the_way_of_an_event_is_ordered_by_time_and_knows_what_is_not_known() -> None:
    assert latency_of(times()) == {"told_after_ms": None, "steps": []}
    known = latency_of(times(received_at=NOON, told_at=second(1), assessed_at=second(2)))
    assert known["told_after_ms"] == 1000
    assert [(one["step"], one["after_ms"]) for one in known["steps"]] == [
        ("received", None),
        ("told", 1000),
        ("assessed", 1000),
    ]


@pytest.mark.parametrize(
    ("values", "lane"),
    [
        ({}, Lane.BACKLOG),
        ({"claimed_at": NOON + timedelta(seconds=1)}, Lane.BACKLOG),
        ({"claimed_at": NOON + timedelta(seconds=1), "state": "empty"}, Lane.LIVE),
        (
            {"claimed_at": NOON + timedelta(seconds=1), "state": "empty", "found_by": "scan"},
            Lane.BACKLOG,
        ),
    ],
)
def test_the_lane_is_the_one_in_which_it_was_looked_at_or_waits_now(
    values: dict[str, Any], lane: Lane
) -> None:
    traced = trace_of(Story(frame(**values)), [], None, now=NOON + timedelta(hours=1))
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
