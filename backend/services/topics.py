"""The arrows between the stages, and what the world is told: typed messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from backend.domain.boxes import Detection
from backend.domain.risk import level_of

EventTopic = Literal["event.opened", "event.updated", "event.assessed", "event.closed"]

OUTBOX_CHANNEL = "outbox"
"""The Redis channel on which the relay says that there are new messages in the outbox."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One frame in which something was found, on its way from detection to events."""

    frame_id: int
    captured_at: datetime
    detections: tuple[Detection, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One message to the world, written in the transaction of what it tells of."""

    kind: EventTopic
    camera_id: int
    event_id: int
    payload: Mapping[str, Any]


def event_message(kind: EventTopic, event: Mapping[str, Any]) -> Message:
    """A message about an event, from its row as `stores.events.shown` gives it."""
    body = {name: value for name, value in event.items() if name != "notes"}
    payload = {"event": body | {"level": level_of(event["score"]).value}}
    return Message(kind, event["camera_id"], event["id"], payload)


def assessed_message(event: Mapping[str, Any], assessment: Mapping[str, Any]) -> Message:
    """A message about a new judgement of an event."""
    body = {name: value for name, value in assessment.items() if name != "upto_detection_id"}
    payload = dict(event_message("event.assessed", event).payload)
    payload["assessment"] = body | {"level": level_of(assessment["score"]).value}
    return Message("event.assessed", event["camera_id"], event["id"], payload)
