"""Events."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, computed_field, model_validator
from pydantic.config import JsonDict

from backend.api.schemas.page import Page
from backend.api.schemas.text import Body, Text, at_most
from backend.domain.risk import Level, level_of

EventState = Literal["open", "closed"]
_EXAMPLE: JsonDict = {
    "id": 17,
    "camera_id": 1,
    "camera": "front_door",
    "camera_name": "Front Door",
    "state": "closed",
    "level": "medium",
    "score": 44,
    "summary": "Person at 12:00:00 for 8 s",
    "classes": ["person"],
    "zones": ["Porch"],
    "detections": 5,
    "frames": 5,
    "detector": "yolox_nano_dyn",
    "first_at": "2026-03-01T12:00:00Z",
    "last_at": "2026-03-01T12:00:08Z",
    "opened_at": "2026-03-01T12:00:01Z",
    "attached_at": "2026-03-01T12:00:09Z",
    "closed_at": "2026-03-01T12:00:39Z",
    "reviewed_at": None,
    "notes": None,
    "continues_event_id": None,
    "cover_frame_id": 4711,
}


class Event(BaseModel):
    """One happening at one camera. `first_at` and `last_at` are capture times, the others ours."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: int
    camera_id: int
    camera: str = Field(description="The camera's slug.")
    camera_name: str
    state: EventState
    score: int = Field(ge=0, le=100, description="That of the current assessment.")
    summary: str
    classes: list[str]
    zones: list[str] = Field(description="The zones that something was in, by their names then.")
    detections: int
    frames: int = Field(description="Frames that show something.")
    detector: str = Field(description="What added to it last; `motion` knows no classes.")
    first_at: datetime
    last_at: datetime
    opened_at: datetime
    attached_at: datetime
    closed_at: datetime | None
    reviewed_at: datetime | None
    notes: str | None
    continues_event_id: int | None = Field(description="The event that became too long.")
    cover_frame_id: int | None = Field(description="The frame that shows it best.")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def level(self) -> Level:
        """How the score reads: low from 0, medium from 30, high from 60, critical from 85."""
        return level_of(self.score)


class EventPage(Page[Event]):
    """Events, the latest begin first."""


class LatencyStep(BaseModel):
    """A step on the way of an event."""

    step: Literal["completed", "received", "claimed", "finished", "assessed", "told", "closed"]
    what: str
    at: datetime
    after_ms: float | None = Field(
        description="Milliseconds since the step before; null for the first."
    )


class EventLatency(BaseModel):
    """How an event came about: the steps of the frame that opened it, and what followed, in order.

    What is not known is left out: nobody knows when a file was complete that a scan found.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "event_id": 17,
                    "frame_id": 4711,
                    "told_after_ms": 131.5,
                    "steps": [
                        {
                            "step": "received",
                            "what": "in the ledger",
                            "at": "2026-03-01T12:00:00.5Z",
                            "after_ms": None,
                        },
                        {
                            "step": "told",
                            "what": "first message",
                            "at": "2026-03-01T12:00:00.6315Z",
                            "after_ms": 131.5,
                        },
                    ],
                }
            ]
        }
    )

    event_id: int
    frame_id: int | None = Field(description="The frame that opened it, if it is still kept.")
    told_after_ms: float | None = Field(
        description="Milliseconds from the first step to the first message."
    )
    steps: list[LatencyStep]


class EventReview(Body):
    """What the owner says of an event; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reviewed": True, "notes": "The parcel service."}]},
    )

    reviewed: bool = False
    notes: (
        Annotated[Text, AfterValidator(at_most(2000)), Field(json_schema_extra={"maxLength": 2000})]
        | None
    ) = None

    @model_validator(mode="after")
    def _says_something(self) -> "EventReview":
        if not self.model_fields_set:
            raise ValueError("must have `reviewed`, `notes` or both")
        return self
