"""Enrichers give what they can in time, and nothing else depends on them."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from backend.core.errors import Unavailable
from backend.domain.boxes import Box, Detection
from backend.domain.following import Seen, follow
from backend.domain.tracks import Track
from backend.services.detection.assignment import assign
from backend.services.detection.colours import ColourEnricher, colours_of
from backend.services.detection.enrichment import Enrichment, Subject
from backend.services.detection.movement import MovementEnricher
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.tracking_strategies import at

BOX = Box(0.25, 0.25, 0.5, 0.5)


def track_over(*boxes: Box) -> Track:
    tracks: tuple[Track, ...] = ()
    for number, box in enumerate(boxes):
        seen = [Seen(Detection("person", 0.9, box))]
        tracks = follow(tracks, at(number / 2), seen, assign).tracks
    (track,) = tracks
    return track


def subject(track: Track | None = None, colour: tuple[int, int, int] = (0, 0, 0)) -> Subject:
    track = track or track_over(BOX)
    pixels = np.full((48, 64, 3), colour, np.uint8)
    return Subject(Detection("person", 0.9, track.last_box), track, pixels, track.last_at)


Answer = Callable[[], Mapping[str, Any] | None]


class ScriptedEnricher:
    """Does what it is told at each question."""

    about = "what the test says"

    def __init__(self, name: str, answer: Answer | None = None) -> None:
        self.name = name
        self.answer = answer
        self.asked = 0

    async def enrich(self, subject: Subject) -> Mapping[str, Any] | None:
        self.asked += 1
        if self.answer is None:
            await asyncio.Event().wait()
            raise AssertionError
        return self.answer()


def fails() -> Mapping[str, Any]:
    raise ValueError("no such colour")


async def test_each_gives_its_own_under_its_name() -> None:
    one = ScriptedEnricher("one", lambda: {"a": 1})
    silent = ScriptedEnricher("silent", lambda: None)
    enrichment = Enrichment([one, silent], ManualClock())
    assert await enrichment.of([subject(), subject()]) == [{"one": {"a": 1}}] * 2
    assert await enrichment.of([]) == []
    assert one.asked == silent.asked == 2


async def test_one_that_fails_takes_nothing_from_the_others_and_is_asked_again() -> None:
    broken, one = ScriptedEnricher("broken", fails), ScriptedEnricher("one", lambda: {"a": 1})
    enrichment = Enrichment([broken, one], ManualClock())
    with capture_logs() as logs:
        assert await enrichment.of([subject()]) == [{"one": {"a": 1}}]
    assert [(log["event"], log["enricher"]) for log in logs] == [("an enricher failed", "broken")]
    state = enrichment.states()[0]
    assert state == {
        "name": "broken",
        "about": "what the test says",
        "state": "closed",
        "asked": 1,
        "failed": 1,
        "reason": "ValueError: no such colour",
    }
    broken.answer = lambda: {"b": 2}
    assert await enrichment.of([subject()]) == [{"broken": {"b": 2}, "one": {"a": 1}}]


async def test_one_that_takes_too_long_is_left_alone_for_a_while() -> None:
    clock = ManualClock()
    slow, one = ScriptedEnricher("slow"), ScriptedEnricher("one", lambda: {"a": 1})
    enrichment = Enrichment([slow, one], clock, seconds=0.02)
    with capture_logs():
        assert await enrichment.of([subject()]) == [{"one": {"a": 1}}]
        assert await enrichment.of([subject()]) == [{"one": {"a": 1}}]
    assert slow.asked == 1
    assert enrichment.states()[0]["state"] == "open"
    assert enrichment.states()[0]["reason"] == "it took longer than 0.02 s"
    slow.answer = lambda: {"late": True}
    clock.advance(60)
    assert await enrichment.of([subject()]) == [{"slow": {"late": True}, "one": {"a": 1}}]


async def test_what_is_unavailable_is_not_asked_for_every_detection() -> None:
    def away() -> Mapping[str, Any]:
        raise Unavailable("nobody answers", code="test.away")

    gone = ScriptedEnricher("gone", away)
    enrichment = Enrichment([gone], ManualClock())
    with capture_logs():
        assert await enrichment.of([subject(), subject()]) == [{}, {}]
    assert gone.asked == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"a": {1, 2}}, "it gave what is no JSON"),
        ({1: "a"}, "it gave what is no JSON"),
        ({"a": "x" * 3000}, "it gave 3008 bytes, of at most 2048"),
        ({"a": "nul \0"}, "it gave a text with a NUL"),
    ],
)
async def test_what_cannot_be_stored_is_not_given(said: Any, reason: str) -> None:
    """It would cost the frame that it is about."""
    odd, one = ScriptedEnricher("odd", lambda: said), ScriptedEnricher("one", lambda: {"a": 1})
    enrichment = Enrichment([odd, one], ManualClock())
    with capture_logs():
        assert await enrichment.of([subject()]) == [{"one": {"a": 1}}]
    assert reason in enrichment.states()[0]["reason"]


async def test_movement_is_read_off_the_track() -> None:
    boxes = [Box(0.1 + 0.05 * i, 0.3, 0.1, 0.3) for i in range(5)]
    said = await MovementEnricher().enrich(subject(track_over(*boxes)))
    assert said == {"dwell": 2.0, "direction": "right", "speed": 1.0}


async def test_of_what_was_seen_once_there_is_only_that() -> None:
    assert await MovementEnricher().enrich(subject()) == {"dwell": 0.0}


async def test_an_old_frame_says_nothing_of_movement() -> None:
    track = track_over(BOX, BOX)
    old = Subject(Detection("person", 0.9, BOX), track, np.zeros((4, 4, 3), np.uint8), at(0.2))
    assert await MovementEnricher().enrich(old) is None


@pytest.mark.parametrize(
    ("bgr", "name"),
    [
        ((0, 0, 0), "black"),
        ((128, 128, 128), "grey"),
        ((255, 255, 255), "white"),
        ((0, 0, 255), "red"),
        ((40, 20, 220), "red"),
        ((0, 128, 255), "orange"),
        ((20, 60, 120), "brown"),
        ((0, 255, 255), "yellow"),
        ((0, 200, 0), "green"),
        ((255, 0, 0), "blue"),
        ((200, 0, 120), "purple"),
        ((180, 60, 255), "pink"),
    ],
)
def test_colours_have_the_names_that_people_give_them(bgr: tuple[int, int, int], name: str) -> None:
    pixels = np.full((40, 40, 3), bgr, np.uint8)
    assert colours_of(pixels, BOX) == {name: 1.0}


def test_the_commonest_colour_comes_first_and_specks_are_left_out() -> None:
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[:, :60] = (255, 0, 0)
    pixels[:5, 60:65] = (0, 0, 255)
    shares = colours_of(pixels, Box(0, 0, 1, 1))
    assert list(shares) == ["blue", "black"]
    assert shares["blue"] == pytest.approx(0.64, abs=0.05)


async def test_a_few_pixels_have_no_colour() -> None:
    tiny = Subject(
        Detection("bird", 0.9, Box(0.5, 0.5, 0.02, 0.02)),
        track_over(BOX),
        np.zeros((48, 64, 3), np.uint8),
        at(0),
    )
    assert await ColourEnricher().enrich(tiny) is None
