"""What the things of an event did, in `hsi events show`."""

from typing import Any

import pytest

from backend.api.schemas.enrichment import EnrichedEvent
from backend.api.schemas.tracks import EventTrack, EventTracks
from backend.cli.event_tracks import show_tracks
from backend.tests.fixtures.scripted_api import example


def shown(capsys: pytest.CaptureFixture[str], **changes: Any) -> str:
    told = example(EventTracks, tracks=[example(EventTrack, **changes)])
    show_tracks(told, example(EnrichedEvent))
    return capsys.readouterr().out


def test_a_thing_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    blank, titles, line = shown(capsys).splitlines()
    assert blank == ""
    assert titles.split() == [
        "TRACK", "CLASS", "FIRST", "SEEN", "FOR", "WENT", "ZONES", "LINES", "LOOKS",
    ]  # fmt: skip
    assert line.startswith("   12  person  2026-03-01 ")
    assert line.endswith(
        "8.0 s  nearer, 0.8 boxes/s  Porch (entered, 4.0 s)  Doorstep inwards (coming home)  "
        "blue 50%, black 19%"
    )


def test_what_stood_came_and_left_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    line = shown(
        capsys,
        direction=None,
        speed=0.0,
        still=75.0,
        arrived_at="2026-03-01T12:00:04Z",
        departed_at="2026-03-01T12:00:06Z",
        zones=[],
        lines=[],
    ).splitlines()[-1]
    assert "  stood 1 min 15 s, arrived, departed  -" in line


def test_what_any_enricher_gives_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    enriched = example(EnrichedEvent)
    given = {"pose": {"name": {"upright": 4, "bent": 1}, "certainty": 0.75}}
    enriched["tracks"][0]["enrichment"] = given
    show_tracks(example(EventTracks), enriched)
    assert capsys.readouterr().out.endswith("  upright 4x, bent 1x, certainty 0.75\n")


def test_of_more_than_is_told_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    show_tracks(example(EventTracks, complete=False), example(EnrichedEvent, tracks=[]))
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "told from the newest 5 detections; there are more"
    assert said[-2].endswith("  -")


def test_without_tracks_there_is_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    show_tracks(example(EventTracks, tracks=[]), example(EnrichedEvent))
    assert capsys.readouterr().out == ""
