"""What happened to a frame or a file, told from what is stored of it. Nothing here reads."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from backend.api.schemas.detections import as_detection
from backend.api.schemas.frames import as_frame
from backend.domain.frames import FrameState, Lane, lane_of
from backend.domain.risk import level_of
from backend.services.stores.rows import Record

_FOUND_BY = {"watch": "seen as it came", "scan": "found by a scan"}


def trace_of(
    frame: Record, detections: Sequence[Record], event: Record | None, *, now: datetime
) -> Record:
    """All that is known of a frame, with its steps and one sentence."""
    lane = lane_of(frame["found_by"], frame["received_at"], frame["claimed_at"] or now)
    return {
        "sentence": sentence(frame, event, lane),
        "lane": lane,
        "steps": steps(frame),
        "frame": as_frame(frame),
        "detections": [as_detection(detection) for detection in detections],
        "event": event,
    }


def steps(frame: Mapping[str, Any]) -> list[Record]:
    """What happened, in order."""
    size = f"{frame['width']}x{frame['height']}, {frame['size']} bytes"
    told = [("received", frame["received_at"], f"{_FOUND_BY[frame['found_by']]}: {size}")]
    if frame["claimed_at"] is not None:
        told.append(("claimed", frame["claimed_at"], f"attempt {frame['attempts']} began"))
    if frame["finished_at"] is not None:
        told.append(("finished", frame["finished_at"], _end(frame)))
    return [{"step": step, "at": at, "what": what} for step, at, what in told]


def sentence(frame: Mapping[str, Any], event: Mapping[str, Any] | None, lane: Lane) -> str:
    """What became of a frame."""
    state = FrameState(frame["state"])
    if state is FrameState.RECEIVED:
        return _waiting(frame, lane)
    if state is FrameState.ATTACHED and event is not None:
        level = level_of(event["score"]).value
        return (
            f"It showed something and belongs to event {event['id']} "
            f"({event['summary']}), which is {event['state']} and of {level} risk."
        )
    if state is FrameState.EMPTY:
        return f"It was looked at and showed nothing that matters{_why_empty(frame)}."
    reason = frame["reason"] or "no reason was kept"
    if state is FrameState.QUARANTINED:
        return f"It is no picture that can be decoded to its end: {reason}."
    if state is FrameState.BURIED:
        return f"The work on it cannot succeed: {reason}."
    return "It showed something; its event is no longer kept."


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


def _why_empty(frame: Mapping[str, Any]) -> str:
    remarks = frame["remarks"] or {}
    why = f" ({remarks['detector']})" if remarks.get("detector") else ""
    dropped = ", ".join(f"{n} x {reason}" for reason, n in remarks.get("dropped", {}).items())
    return why + (f"; found and not kept: {dropped}" if dropped else "")


def _end(frame: Mapping[str, Any]) -> str:
    by = f", by {frame['detector']}" if frame["detector"] else ""
    why = f": {frame['reason']}" if frame["reason"] else ""
    return f"{frame['state']}{by}{why}"
