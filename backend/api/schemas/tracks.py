"""Tracks: what one thing did, over several frames."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from backend.api.schemas.boxes import as_box
from backend.api.schemas.detections import Box
from backend.domain import boxes
from backend.domain.courses import Course
from backend.domain.tracks import Heading, PathPoint, TrackState, dwell, heading, speed
from backend.domain.tracks import Track as DomainTrack
from backend.services.stores.rows import Record
from backend.services.stores.tracks import KeptTrack

_WAY: JsonDict = {
    "class": "person",
    "first_at": "2026-03-01T12:00:00Z",
    "last_at": "2026-03-01T12:00:08Z",
    "dwell": 8.0,
    "direction": "nearer",
    "speed": 0.8,
    "path": [
        {"at": "2026-03-01T12:00:00Z", "x": 0.4, "y": 0.5},
        {"at": "2026-03-01T12:00:08Z", "x": 0.46, "y": 0.65},
    ],
}
_TRACK: JsonDict = {
    **_WAY,
    "id": 12,
    "camera_id": 1,
    "camera": "front_door",
    "state": "live",
    "sightings": 5,
    "box": {"x": 0.41, "y": 0.2, "width": 0.1, "height": 0.45},
    "rest": {"x": 0.36, "y": 0.2, "width": 0.09, "height": 0.4},
    "still_since": "2026-03-01T12:00:00Z",
    "seen_moving": True,
    "watched": False,
}
_EVENT_TRACK: JsonDict = {
    **_WAY,
    "track_id": 12,
    "detections": 5,
    "still": 0.0,
    "zones": [
        {
            "zone": "Porch",
            "entered_at": "2026-03-01T12:00:04Z",
            "left_at": None,
            "seconds": 4.0,
            "came_in": True,
        }
    ],
    "lines": [
        {
            "line": "Doorstep",
            "direction": "inwards",
            "words": "coming home",
            "at": "2026-03-01T12:00:06Z",
        }
    ],
    "arrived_at": None,
    "departed_at": None,
}


class Point(BaseModel):
    """Where the foot of a thing stood at a time, in fractions of the picture, 0..1."""

    at: datetime
    x: float
    y: float


class Way(BaseModel):
    """How a thing went."""

    class_name: str = Field(
        serialization_alias="class", description="What it was taken for most surely."
    )
    first_at: datetime = Field(description="When it was first seen.")
    last_at: datetime = Field(description="When it was last seen.")
    dwell: float = Field(description="Seconds from the first sight to the last.")
    direction: Heading | None = Field(description="Over its whole path; null: nowhere.")
    speed: float = Field(description="Boxes per second, when it was last seen.")
    path: list[Point] = Field(description="At most 32 points.")


class Track(Way):
    """One thing over several frames of its camera, as it is now."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TRACK]})

    id: int
    camera_id: int
    camera: str = Field(description="The camera's slug.")
    state: TrackState = Field(
        description="`scene`: it belongs to the scene, and is no news. `left`: it did, and has "
        "left. `ended`: nothing continues it."
    )
    sightings: int = Field(description="In how many frames it was seen.")
    box: Box = Field(description="Where it was last seen.")
    rest: Box = Field(description="Where it last came to stand.")
    still_since: datetime = Field(description="When that was.")
    seen_moving: bool
    watched: bool = Field(description="Somebody said that it is never part of the scene.")


class ZoneStay(BaseModel):
    """One time that a thing was in a zone."""

    zone: str
    entered_at: datetime = Field(description="The first sight in it.")
    left_at: datetime | None = Field(description="The first sight outside after it.")
    seconds: float = Field(description="From the first sight in it to the last.")
    came_in: bool = Field(description="It was seen outside before, within the event.")


class LineCrossing(BaseModel):
    """A line that was crossed."""

    line: str
    direction: Literal["inwards", "outwards"]
    words: str = Field(description="What the owner calls this direction.")
    at: datetime = Field(description="The first sight beyond it.")


class EventTrack(Way):
    """What one thing did within an event."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EVENT_TRACK]})

    track_id: int
    detections: int
    still: float = Field(description="Seconds that it stood in one spot, at most.")
    zones: list[ZoneStay]
    lines: list[LineCrossing]
    arrived_at: datetime | None = Field(description="When it came to stand, or came back.")
    departed_at: datetime | None = Field(description="When it left the scene, as a part of it.")


class EventTracks(BaseModel):
    """What the things of an event did, by when they were first seen."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"event_id": 17, "detections": 5, "complete": True, "tracks": [_EVENT_TRACK]}
            ]
        }
    )

    event_id: int
    detections: int = Field(description="How many detections this is told from.")
    complete: bool = Field(description="false: the event has more; these are the newest.")
    tracks: list[EventTrack]


def as_track(kept: KeptTrack) -> Record:
    """A track as the API shows it."""
    track = kept.track
    return {
        **_way(track),
        "id": kept.id,
        "camera_id": kept.camera_id,
        "camera": kept.camera,
        "state": track.state,
        "sightings": track.sightings,
        "box": _box(track.last_box),
        "rest": _box(track.rest),
        "still_since": track.still_since,
        "seen_moving": track.seen_moving,
        "watched": track.watched,
    }


def as_event_track(track_id: int, detections: int, course: Course) -> Record:
    """A track's course within an event as the API shows it."""
    return {
        **_way(course.track),
        "track_id": track_id,
        "detections": detections,
        "still": course.still,
        "zones": [
            {
                "zone": stay.zone,
                "entered_at": stay.entered_at,
                "left_at": stay.left_at,
                "seconds": _seconds(stay.dwell),
                "came_in": stay.came_in,
            }
            for stay in course.stays
        ],
        "lines": [
            {"line": one.line, "direction": one.direction, "words": one.words, "at": at}
            for at, one in course.crossed
        ],
        "arrived_at": course.arrived_at,
        "departed_at": course.departed_at,
    }


def _way(track: DomainTrack) -> Record:
    return {
        "class_name": track.class_name,
        "first_at": track.first_at,
        "last_at": track.last_at,
        "dwell": _seconds(dwell(track)),
        "direction": heading(track),
        "speed": round(speed(track), 2),
        "path": _points(track.path),
    }


def _points(path: Iterable[PathPoint]) -> list[Record]:
    return [{"at": at, "x": round(x, 4), "y": round(y, 4)} for at, x, y in path]


def _box(box: boxes.Box) -> Record:
    return as_box((box.x, box.y, box.width, box.height))


def _seconds(length: timedelta) -> float:
    return round(length.total_seconds(), 1)
