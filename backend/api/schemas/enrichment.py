"""Enrichment: what can be said of a detection beside what it is, and who says it."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.config import JsonDict

_GIVEN: JsonDict = {
    "movement": {"dwell": 6.0, "direction": "nearer", "speed": 0.8},
    "colours": {"dominant": {"blue": 0.48, "black": 0.21}},
}
_ENRICHED: JsonDict = {
    "detection_id": 90,
    "track_id": 12,
    "class": "person",
    "captured_at": "2026-03-01T12:00:08Z",
    "enrichment": _GIVEN,
}
_ENRICHER: JsonDict = {
    "name": "colours",
    "about": "up to three colours of it, the commonest first, with their shares",
    "workers": [{"worker": "box:1", "state": "closed", "asked": 240, "failed": 0, "reason": None}],
}


class EnricherState(BaseModel):
    """How an enricher is in one worker."""

    worker: str
    state: str = Field(
        description="`closed`: it is asked. `open`: it did not answer in time, and is not asked "
        "for a while. `half-open`: it is tried again."
    )
    asked: int = Field(description="How often since the worker's start.")
    failed: int
    reason: str | None = Field(description="Why it last gave nothing, where it failed.")


class Enricher(BaseModel):
    """What says something of detections, and how it is in each worker that has it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ENRICHER]})

    name: str = Field(description="Its results stand under this name.")
    about: str
    workers: list[EnricherState]


class Enrichers(BaseModel):
    """The enrichers of all workers that were heard within the last 20 s."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"enrichers": [_ENRICHER]}]})

    enrichers: list[Enricher]


class Enriched(BaseModel):
    """What each enricher gave for a detection."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ENRICHED]})

    detection_id: int
    track_id: int | None
    class_name: str = Field(serialization_alias="class")
    captured_at: datetime
    enrichment: dict[str, JsonValue] = Field(
        description="By the enricher's name; one that gave nothing is missing."
    )


class EnrichedTrack(BaseModel):
    """What enrichers gave for one thing over an event."""

    track_id: int
    class_name: str = Field(
        serialization_alias="class", description="What it was taken for most surely."
    )
    detections: int
    enrichment: dict[str, JsonValue] = Field(
        description="By the enricher's name: of numbers the greatest, of words how often each was "
        "said, of shares their means."
    )


class EnrichedEvent(BaseModel):
    """What enrichers gave for an event, thing by thing and detection by detection."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "event_id": 17,
                    "complete": True,
                    "tracks": [
                        {
                            "track_id": 12,
                            "class": "person",
                            "detections": 5,
                            "enrichment": {
                                "movement": {
                                    "dwell": 8.0,
                                    "direction": {"nearer": 4},
                                    "speed": 0.8,
                                },
                                "colours": {"dominant": {"blue": 0.5, "black": 0.19}},
                            },
                        }
                    ],
                    "detections": [_ENRICHED],
                }
            ]
        }
    )

    event_id: int
    complete: bool = Field(description="false: the event has more; these are the newest.")
    tracks: list[EnrichedTrack] = Field(description="By when they were first seen.")
    detections: list[Enriched]
