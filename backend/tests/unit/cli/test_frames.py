"""`hsi frames`."""

from typing import Any

import pytest

from backend.api.schemas.dead_letters import DeadLetter
from backend.api.schemas.detections import Detection
from backend.api.schemas.events import Event
from backend.api.schemas.fates import FrameSummary
from backend.api.schemas.frames import Frame
from backend.api.schemas.quarantine import QuarantinedFile
from backend.cli.frames import show_list, show_summary, show_trace, show_why, trace_of_file
from backend.core.errors import NotFound
from backend.tests.fixtures.scripted_api import ScriptedApi, example, problem

UNKNOWN = problem(404, "file.unknown", "nothing is known of such a file")


def trace(**changes: Any) -> dict[str, Any]:
    frame = example(Frame, **changes)
    attached = frame["state"] == "attached"
    return {
        "sentence": "What became of it.",
        "lane": "live",
        "steps": [
            {"at": "2026-03-01T12:00:08.500Z", "step": "received", "what": "seen as it came"},
            {"at": "2026-03-01T12:00:08.600Z", "step": "claimed", "what": "attempt 1 began"},
            {"at": "2026-03-01T12:02:09Z", "step": "finished", "what": frame["state"]},
        ],
        "frame": frame,
        "detections": [example(Detection)] if attached else [],
        "event": example(Event) if attached else None,
        "dead_letter": example(DeadLetter) if frame["state"] == "buried" else None,
    }


def test_frames_are_shown_with_what_became_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    empty = example(Frame, state="empty", event_id=None, remarks={"detector": "no motion"})
    buried = example(Frame, state="buried", event_id=None, remarks=None, reason="it kills")
    waiting = example(Frame, state="received", event_id=None, remarks=None)
    show_list([example(Frame), empty, buried, waiting])
    titles, *lines = capsys.readouterr().out.splitlines()
    assert titles.split() == ["ID", "TAKEN", "CAMERA", "FILE", "STATE", "WHY"]
    assert [line[line.index(".jpg") + 6 :].split(maxsplit=1) for line in lines] == [
        ["attached", "event 17"],
        ["empty", "no motion"],
        ["buried", "it kills"],
        ["received", "-"],
    ]


def test_a_very_long_name_does_not_widen_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    show_list([example(Frame, path="2026/" + "n" * 246 + ".jpg"), example(Frame)])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 140
    assert f"  2026/{'n' * 24}…{'n' * 26}.jpg  attached" in lines[1]


def test_no_frames_are_said_to_be_none(capsys: pytest.CaptureFixture[str]) -> None:
    show_list([])
    assert capsys.readouterr().out == "no frames\n"


def test_a_trace_tells_when_for_how_long_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    show_trace(trace())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "frame 4711: What became of it."
    assert "  picture   1920 x 1080, 402 kB" in lines
    assert "  event     17, medium 44: Person at 12:00:00 for 8 s (`hsi events show 17`)" in lines
    steps = [line.split(maxsplit=2)[2] for line in lines if line.startswith("2026-")]
    assert [" ".join(step.split()) for step in steps] == [
        "- received seen as it came",
        "100 ms claimed attempt 1 began",
        "2 min 0 s finished attached",
    ]
    assert "person   91%" in lines


def test_an_empty_frame_says_what_the_detector_said(capsys: pytest.CaptureFixture[str]) -> None:
    remarks = {"detector": "the light changed"}
    show_trace(trace(state="empty", remarks=remarks, clock_suspect=True, captured_from="mtime"))
    lines = capsys.readouterr().out.splitlines()
    assert "  it says   the light changed" in lines
    assert not any(line.startswith(("  event", "SEEN")) for line in lines)
    assert any(line.endswith("(by the file's time, a suspect clock)") for line in lines)


def test_a_buried_frame_names_its_dead_letter(capsys: pytest.CaptureFixture[str]) -> None:
    show_trace(trace(state="buried", event_id=None, reason="it kills"))
    lines = capsys.readouterr().out.splitlines()
    assert "  dead letter  3, dead, 3 attempts given up (`hsi dlq show 3`)" in lines


def why(**changes: Any) -> dict[str, Any]:
    return {
        "camera": "front_door",
        "time_zone": "Europe/Berlin",
        "at": "2026-03-01T02:10:00Z",
        "sentence": "No event.",
        "reasons": ["One.", "Two \x1b."],
        "frames": [example(Frame, state="empty", event_id=None)],
        **changes,
    }


def test_why_there_was_no_event_is_answered_first(capsys: pytest.CaptureFixture[str]) -> None:
    show_why(why())
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "front_door, clock of Europe/Berlin",
        "No event.",
        "  One.",
        r"  Two \x1b.",
    ]
    assert lines[-1].split()[0] == "4711"
    show_why(why(frames=[]))
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_frames_are_counted_and_an_estimate_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show_summary(example(FrameSummary))
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == "2955 frames, 2943 of them final"
    assert "  buried       2" in rest
    show_summary(example(FrameSummary, exact=False))
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == "about 2955 frames, about 2943 of them final"
    assert "  received     12" in rest
    assert "  buried       about 2" in rest


def test_a_file_tells_of_quarantine_and_of_each_frame_it_was(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_trace(
        {
            "path": "Front Door/a\x1b.jpg",
            "sentence": "It was two frames.",
            "frames": [trace(), trace(id=4712)],
            "quarantine": example(QuarantinedFile),
        }
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [r"Front Door/a\x1b.jpg", "  It was two frames."]
    assert "in quarantine" in lines
    assert "  why        the file ends before the picture does" in lines
    assert sum(line.startswith("frame ") for line in lines) == 2


def test_a_file_that_is_only_in_quarantine(capsys: pytest.CaptureFixture[str]) -> None:
    released = example(QuarantinedFile, released_at="2026-03-01T12:00:20Z")
    show_trace({"path": "a", "sentence": "s", "frames": [], "quarantine": released})
    assert "was in quarantine" in capsys.readouterr().out.splitlines()


def test_the_first_path_that_is_known_is_told() -> None:
    api = ScriptedApi({"GET /api/frames/trace": [UNKNOWN, {"path": "b"}]})
    with api.client() as opened:
        assert trace_of_file(opened, ["a", "b"]) == {"path": "b"}
    assert api.asked() == ["GET /api/frames/trace?path=a", "GET /api/frames/trace?path=b"]


def test_a_file_that_nobody_knows_is_said_to_be_none() -> None:
    api = ScriptedApi({"GET /api/frames/trace": [UNKNOWN]})
    with api.client() as opened, pytest.raises(NotFound, match="nothing is known"):
        trace_of_file(opened, ["a", "b"])
