"""Dead letters."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field
from pydantic.config import JsonDict

from backend.api.schemas.page import Page
from backend.domain.frames import FrameState

LetterState = Literal["dead", "replayed", "discarded"]
Stage = Literal["detection"]
_EXAMPLE: JsonDict = {
    "id": 3,
    "stage": "detection",
    "state": "dead",
    "reason": "given up after 3 attempts: each time its process ended",
    "tries": 3,
    "replays": 0,
    "first_at": "2026-03-01T12:01:10Z",
    "last_at": "2026-03-01T12:01:10Z",
    "decided_at": None,
    "frame_id": 4711,
    "frame_state": "buried",
    "camera": "front_door",
    "path": "2026-03-01/120008.jpg",
    "captured_at": "2026-03-01T12:00:08Z",
    "picture": "/api/frames/4711/picture",
}


class DeadLetter(BaseModel):
    """A job that was given up: the frame on which the work of a stage cannot succeed.

    It is `dead` until it is `replayed` (its frame waits again, or what it came to is its state) or
    `discarded` (its frame stays buried). A replayed one that fails again is dead again.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: int
    stage: Stage
    state: LetterState
    reason: str = Field(description="Why it was given up the last time.")
    tries: int = Field(description="Attempts of all times, up to the last time it was given up.")
    replays: int = Field(description="How often it was begun anew.")
    first_at: datetime = Field(description="When it was first given up.")
    last_at: datetime = Field(description="When it was last given up.")
    decided_at: datetime | None = Field(description="When it was last replayed or discarded.")
    frame_id: int
    frame_state: FrameState
    camera: str = Field(description="The camera's slug.")
    path: str = Field(description="The frame's file, below the camera's folder.")
    captured_at: datetime

    @computed_field  # type: ignore[prop-decorator]
    @property
    def picture(self) -> str:
        """Where the picture is."""
        return f"/api/frames/{self.frame_id}/picture"


class DeadLetterPage(Page[DeadLetter]):
    """Dead letters, the last given up first."""


class StageCount(BaseModel):
    """How many letters a stage has."""

    stage: Stage
    dead: int
    replayed: int
    discarded: int


class DeadLetterCounts(BaseModel):
    """How many dead letters there are."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "dead": 2,
                    "stages": [{"stage": "detection", "dead": 2, "replayed": 1, "discarded": 0}],
                }
            ]
        }
    )

    dead: int = Field(description="Those that nobody has decided of yet, of all stages.")
    stages: list[StageCount] = Field(description="The stages that ever gave something up.")


class Decided(BaseModel):
    """What came of a request for many letters: at most as many as its `limit`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"letters": 500, "more": True, "until": "2026-03-01T12:30:00Z"}]
        }
    )

    letters: int = Field(description="So many were replayed, or discarded.")
    more: bool = Field(description="There may be more: ask again.")
    until: datetime = Field(
        description="To be sent when asking again, so that what fails again meanwhile is left out."
    )
