"""What happened to a frame or a file, told from what is stored of it. Nothing here reads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backend.api.dropped import DroppedWords
from backend.api.schemas.detections import as_detection
from backend.api.schemas.frames import as_frame
from backend.domain.frames import FrameState, Lane, lane_of
from backend.domain.risk import level_of
from backend.services.stores.rows import Record

_FOUND_BY = {"watch": "seen as it came", "scan": "found by a scan"}


# What each moment of `events.times` is, in the order in which they are likely to come.
_LATENCY = {
    "completed": ("completed_at", "the file was complete"),
    "received": ("received_at", "in the ledger"),
    "claimed": ("claimed_at", "picked up by a worker"),
    "finished": ("finished_at", "looked at, and stored"),
    "assessed": ("assessed_at", "first assessed"),
    "told": ("told_at", "first message"),
    "closed": ("closed_at", "the event was closed"),
}


@dataclass(frozen=True, slots=True)
class Story:
    """A frame with what followed from it: its dead letter, its event's times (`events.times`), and
    when that was first assessed with what this frame shows; `words` say what was not kept."""

    frame: Record
    letter: Record | None = None
    event_times: Record | None = None
    assessed_at: datetime | None = None
    words: DroppedWords = field(default_factory=DroppedWords)


def trace_of(
    story: Story, detections: Sequence[Record], event: Record | None, *, now: datetime
) -> Record:
    """All that is known of a frame, with its steps and one sentence."""
    frame = story.frame
    claimed_at = None if frame["state"] == FrameState.RECEIVED else frame["claimed_at"]
    lane = lane_of(frame["found_by"], frame["received_at"], claimed_at or now)
    return {
        "sentence": sentence(frame, event, lane, story.words),
        "lane": lane,
        "steps": steps(story),
        "frame": as_frame(frame),
        "detections": [as_detection(detection) for detection in detections],
        "event": event,
        "dead_letter": story.letter,
    }


def steps(story: Story) -> list[Record]:
    """What happened, in order."""
    frame = story.frame
    size = f"{frame['width']}x{frame['height']}, {frame['size']} bytes"
    told = [
        ("completed", frame["completed_at"], "the file was complete"),
        ("received", frame["received_at"], f"{_FOUND_BY[frame['found_by']]}: {size}"),
        *_given_up(story),
        ("claimed", frame["claimed_at"], _begun(frame)),
        ("finished", frame["finished_at"], _end(frame)),
        *_discarded(story),
        ("assessed", story.assessed_at, "its event was assessed with it"),
        *_event_steps(story),
    ]
    known = [{"step": step, "at": at, "what": what} for step, at, what in told if at is not None]
    return sorted(known, key=lambda step: step["at"])


def _begun(frame: Record) -> str:
    attempts = frame["attempts"]
    return f"attempt {attempts} began" if attempts else "picked up, and given back"


_Step = tuple[str, datetime | None, str]


def _given_up(story: Story) -> Iterator[_Step]:
    """How it was given up before, and begun anew; where it is buried now, `finished` says so."""
    letter = story.letter
    if letter is None or not letter["replays"]:
        return
    yield "buried", letter["first_at"], "given up the first time"
    is_over = letter["state"] == "replayed"
    if is_over and letter["last_at"] != letter["first_at"]:
        yield "buried", letter["last_at"], f"given up again: {letter['reason']}"
    if letter["state"] != "discarded":
        times = "once" if letter["replays"] == 1 else f"{letter['replays']} times so far"
        yield "replayed", letter["decided_at"], f"the work was begun anew, {times}"


def _discarded(story: Story) -> Iterator[_Step]:
    letter = story.letter
    if letter is not None and letter["state"] == "discarded":
        yield "discarded", letter["decided_at"], f"given up for good after {letter['tries']} tries"


def _event_steps(story: Story) -> Iterator[_Step]:
    times = story.event_times
    if times is None:
        return
    if times["frame_id"] == story.frame["id"]:
        yield "told", times["told_at"], "first message of the event that it opened"
    yield "closed", times["closed_at"], "its event was closed"


def latency_of(times: Mapping[str, Any]) -> Record:
    """The steps of an event's way with the milliseconds between them, out of `events.times`."""
    known = sorted(
        ((times[column], step, what) for step, (column, what) in _LATENCY.items() if times[column]),
        key=lambda one: one[0],
    )
    before = [None, *(at for at, _, _ in known)]
    told_at = times["told_at"]
    return {
        "told_after_ms": _milliseconds(known[0][0], told_at) if told_at else None,
        "steps": [
            {
                "step": step,
                "what": what,
                "at": at,
                "after_ms": None if earlier is None else _milliseconds(earlier, at),
            }
            for (at, step, what), earlier in zip(known, before, strict=False)
        ],
    }


def _milliseconds(begin: datetime, end: datetime) -> float:
    return round((end - begin).total_seconds() * 1000, 3)


def sentence(
    frame: Mapping[str, Any],
    event: Mapping[str, Any] | None,
    lane: Lane,
    words: DroppedWords | None = None,
) -> str:
    """What became of a frame."""
    dropped = _not_kept(frame, words or DroppedWords())
    state = FrameState(frame["state"])
    if state is FrameState.RECEIVED:
        return _waiting(frame, lane)
    if state is FrameState.ATTACHED and event is not None:
        level = level_of(event["score"]).value
        return (
            f"It showed something and belongs to event {event['id']} "
            f"({event['summary']}), which is {event['state']} and of {level} risk{dropped}."
        )
    if state is FrameState.EMPTY:
        return f"It was looked at and showed nothing that matters{_remark(frame)}{dropped}."
    if state is FrameState.ATTACHED:
        return "It showed something; its event is no longer kept."
    return f"{_NOT_DONE[state]}: {frame['reason'] or 'no reason was kept'}."


_NOT_DONE = {
    FrameState.SKIPPED: "Nobody looked at it",
    FrameState.QUARANTINED: "It is no picture that can be decoded to its end",
    FrameState.BURIED: "The work on it cannot succeed",
}


def file_sentence(traces: Sequence[Record], quarantined: Mapping[str, Any] | None) -> str:
    """What became of a file, of which at least one of the two is known."""
    if quarantined is not None and quarantined["released_at"] is None:
        now = f"It is in quarantine: {quarantined['reason']}."
        return f"{now} Before that, it was {_frames(traces)}." if traces else now
    if not traces:
        return "It was in quarantine, then became a frame that is no longer kept."
    many = f"It was {_frames(traces)}; of the latest: " if len(traces) > 1 else ""
    return f"{many}{traces[0]['sentence']}"


def _frames(traces: Sequence[Record]) -> str:
    return f"{len(traces)} frames, each with other content" if len(traces) > 1 else "a frame"


def _waiting(frame: Mapping[str, Any], lane: Lane) -> str:
    waits = f"It waits to be looked at, in the {lane.value} lane"
    if not frame["attempts"]:
        return f"{waits}."
    why = frame["reason"] or "not known, the worker may be at it"
    return f"{waits}; attempts so far: {frame['attempts']}; what came of the last: {why}."


def _remark(frame: Mapping[str, Any]) -> str:
    remarks = frame["remarks"] or {}
    return f" ({remarks['detector']})" if remarks.get("detector") else ""


def _not_kept(frame: Mapping[str, Any], words: DroppedWords) -> str:
    dropped = (frame["remarks"] or {}).get("dropped", {})
    said = "; ".join(words.counted(reason, number) for reason, number in dropped.items())
    return f"; found and not kept: {said}" if said else ""


def _end(frame: Mapping[str, Any]) -> str:
    who = (frame["remarks"] or {}).get("source") or frame["detector"]
    by = f", by {who}" if who else ""
    why = f": {frame['reason']}" if frame["reason"] else ""
    return f"{frame['state']}{by}{why}"
