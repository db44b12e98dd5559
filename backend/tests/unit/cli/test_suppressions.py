"""`hsi suppressions`."""

import pytest

from backend.api.schemas.cameras import Camera
from backend.api.schemas.suppressions import Preview, Suppression
from backend.cli.suppressions import path_of, pointed_at, show_list, show_preview
from backend.core.errors import Invalid
from backend.tests.fixtures.scripted_api import ScriptedApi, example, page


def test_each_says_what_it_hides_and_until_when(capsys: pytest.CaptureFixture[str]) -> None:
    undone = example(Suppression, state="undone", undone_at="2026-03-05T12:00:00Z", note=None)
    show_list([example(Suppression), undone])
    titles, first, second = capsys.readouterr().out.splitlines()
    assert titles.split()[:6] == ["ID", "STATE", "CLASS", "UNTIL", "HIDDEN", "LAST"]
    assert first.split()[:4] == ["3", "active", "person", "2026-03-31"]
    assert first.endswith("  41% 20% 10% 45%     The coat in the hall.")
    assert second.split()[:4] == ["3", "undone", "person", "2026-03-05"]


def test_none_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    show_list([])
    assert capsys.readouterr().out == "no suppressions\n"


def test_a_preview_counts_and_names_the_events(capsys: pytest.CaptureFixture[str]) -> None:
    show_preview(example(Preview))
    summary, titles, event, more = capsys.readouterr().out.splitlines()
    assert summary.startswith("of 612 detections since 2026-02-22 ")
    assert summary.endswith(
        " it would have hidden about 37, in 9 events; 8 of these would not have been at all"
    )
    assert titles.split() == ["EVENT", "BEGAN", "LEVEL", "HIDDEN", "WHAT"]
    assert event.endswith("  medium 44  5 of 5  Person at 12:00:00 for 8 s (gone)")
    assert more == "and 8 events before"


def test_a_preview_says_where_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    show_preview(example(Preview, complete=False, events=[], events_touched=0, hidden=0))
    assert capsys.readouterr().out.splitlines()[1:] == [
        "there were more detections; the latest were looked at"
    ]


@pytest.mark.parametrize(("detection", "track"), [(None, None), (1, 2)])
def test_it_must_be_said_what(detection: int | None, track: int | None) -> None:
    with pytest.raises(Invalid, match="say either --detection ID"):
        pointed_at(detection, track)


def test_a_detection_or_a_track_is_pointed_at() -> None:
    assert pointed_at(90, None) == {"detection_id": 90}
    assert pointed_at(None, 12) == {"track_id": 12}


def test_they_are_those_of_a_camera() -> None:
    api = ScriptedApi({"GET /api/cameras": [page([example(Camera, id=7)])]})
    with api.client() as opened:
        assert path_of(opened, "front_door") == "/api/cameras/7/suppressions"
