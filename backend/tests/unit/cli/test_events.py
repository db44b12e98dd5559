"""`hsi events`."""

from typing import Any
from urllib.parse import parse_qsl

import pytest

from backend.api.schemas.assessments import Assessment, Recomputation
from backend.api.schemas.detections import Detection
from backend.api.schemas.enrichment import EnrichedEvent
from backend.api.schemas.events import Event, EventLatency
from backend.api.schemas.tracks import EventTracks
from backend.cli.events import Wanted, show_event, show_list, show_message, whole_event
from backend.tests.fixtures.scripted_api import ScriptedApi, example, page, problem

EVENT = example(Event)
ASSESSMENT = example(Assessment)


def scripted(recompute: Any) -> ScriptedApi:
    return ScriptedApi(
        {
            "GET /api/events/17": [EVENT],
            "GET /api/events/17/assessments": [page([ASSESSMENT])],
            "GET /api/events/17/detections": [
                page([example(Detection, alternatives={"dog": 0.31})])
            ],
            "GET /api/events/17/recompute": [recompute],
            "GET /api/events/17/latency": [example(EventLatency)],
            "GET /api/events/17/tracks": [example(EventTracks)],
            "GET /api/enrichment/events/17": [example(EnrichedEvent)],
        }
    )


def shown(recompute: Any, capsys: pytest.CaptureFixture[str]) -> list[str]:
    with scripted(recompute).client() as opened:
        show_event(whole_event(opened, 17))
    return capsys.readouterr().out.splitlines()


def test_a_list_says_level_and_score_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    show_list([EVENT, {**EVENT, "state": "open", "reviewed_at": "2026-03-01T13:00:00Z"}])
    titles, first, second = capsys.readouterr().out.splitlines()
    assert titles.split() == ["ID", "BEGAN", "CAMERA", "LEVEL", "WHAT"]
    assert first.endswith("front_door  medium 44  Person at 12:00:00 for 8 s")
    assert second.endswith("Person at 12:00:00 for 8 s (open, reviewed)")


def test_no_events_are_said_to_be_none(capsys: pytest.CaptureFixture[str]) -> None:
    show_list([])
    assert capsys.readouterr().out == "no events\n"


def test_an_event_tells_why_it_has_its_score(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(example(Recomputation), capsys)
    text = "\n".join(lines)
    assert lines[0] == "event 17 at Front Door (front_door)"
    assert "  level     medium, 44 of 100" in lines
    assert "  seen      person: 5 detections in 5 frames" in lines
    assert "    35  person seen  frames with person 5" in lines
    assert "     9  confidence   best 0.914" in lines
    assert "    44  together     medium" in lines
    assert "made again from the detections: the same" in lines
    assert "assessment 2, by rules (rules-2), at 2026-03-01 " in text
    assert any(line.endswith(".631  132 ms  first message") for line in lines)
    assert "told 132 ms after the first step of frame 4711" in lines
    assert "blue 50%, black 19%" in text
    assert "person   91%  41% 20% 10% 45%      4711  dog 31%" in text
    assert "and 4 more: `hsi events show 17 --json` has them all" in lines


def test_a_score_that_differs_is_told_loudly(capsys: pytest.CaptureFixture[str]) -> None:
    again = {"score": 60, "level": "high", "factors": [], "summary": ""}
    different = example(Recomputation, same=False, recomputed=again, version="rules-2")
    assert "made again from the detections: NOT the same, but high 60 by rules-2" in shown(
        different, capsys
    )


def test_a_score_that_cannot_be_made_again_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    gone = problem(409, "event.no_detections", "the detections are no longer kept")
    line = "made again from the detections: not possible: the detections are no longer kept"
    assert line in shown(gone, capsys)


@pytest.mark.parametrize(
    ("more", "what", "moment"),
    [
        ({"type": "event.opened"}, "opened", "opened_at"),
        ({"type": "event.updated"}, "updated", "attached_at"),
        ({"type": "event.closed"}, "closed", "closed_at"),
        ({"type": "event.assessed", "assessment": ASSESSMENT}, "assessed", None),
    ],
)
def test_a_message_is_one_line_with_the_time_at_which_it_happened(
    more: dict[str, Any], what: str, moment: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    times = {"opened_at": 1, "attached_at": 2, "closed_at": 3}
    event = EVENT | {name: f"2026-03-01T12:00:0{n}Z" for name, n in times.items()}
    show_message({"number": 5, "event": event, **more})
    (line,) = capsys.readouterr().out.splitlines()
    assert line[17:19] == f"{times[moment] if moment else 9:02}"
    assert line[21:] == (f"{what:<8}  medium 44     front_door    #17  Person at 12:00:00 for 8 s")


@pytest.mark.parametrize(
    ("wanted", "included"),
    [
        (Wanted(), True),
        (Wanted(camera="front_door", level="medium", of_class="person"), True),
        (Wanted(camera="garden"), False),
        (Wanted(level="high"), False),
        (Wanted(of_class="car"), False),
    ],
)
def test_the_live_stream_is_filtered_as_the_list_is(wanted: Wanted, included: bool) -> None:
    assert wanted.includes(EVENT) is included


def test_the_list_is_filtered_by_the_api() -> None:
    api = ScriptedApi({"GET /api/events": [page([])]})
    with api.client() as opened:
        Wanted("front_door", "high", "person", "2026-03-01T12:00:00+01:00").found(opened, 7)
    (asked,) = api.asked()
    path, _, query = asked.partition("?")
    assert path == "GET /api/events"
    assert parse_qsl(query) == [
        ("camera", "front_door"),
        ("level", "high"),
        ("class", "person"),
        ("since", "2026-03-01T12:00:00+01:00"),
        ("limit", "7"),
    ]
