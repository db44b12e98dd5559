"""Assessments."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue, computed_field
from pydantic.config import JsonDict

from backend.api.schemas.page import Page
from backend.domain.risk import Level, level_of

_FACTORS: list[JsonValue] = [
    {"name": "person_seen", "points": 35, "evidence": {"frames_with_person": 5}},
    {"name": "confidence", "points": 9, "evidence": {"best": 0.914}},
]
_EXAMPLE: JsonDict = {
    "id": 20,
    "event_id": 17,
    "number": 2,
    "judged_at": "2026-03-01T12:00:09Z",
    "judged_by": "rules",
    "version": "rules-2",
    "time_zone": "Europe/Berlin",
    "score": 44,
    "level": "medium",
    "factors": _FACTORS,
    "summary": "Person at 13:00:00 for 8 s",
    "upto_detection_id": 90,
}
_SCORED: JsonDict = {
    "score": 44,
    "level": "medium",
    "factors": _FACTORS,
    "summary": "Person at 13:00:00 for 8 s",
}
_RECOMPUTED: JsonDict = {
    "event_id": 17,
    "number": 2,
    "stored_version": "rules-2",
    "version": "rules-2",
    "stored": _SCORED,
    "recomputed": _SCORED,
    "same": True,
}


class Factor(BaseModel):
    """One named reason for a part of the score."""

    name: str
    points: int
    evidence: dict[str, str | int | float]


class Scored(BaseModel):
    """A score, and why; the points of the factors add up to it."""

    score: int = Field(ge=0, le=100)
    factors: list[Factor]
    summary: str

    @computed_field  # type: ignore[prop-decorator]
    @property
    def level(self) -> Level:
        """How the score reads: low from 0, medium from 30, high from 60, critical from 85."""
        return level_of(self.score)


class Assessment(Scored):
    """One judgement of an event."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: int
    event_id: int
    number: int = Field(description="Counted from 1; the highest is the current one.")
    judged_at: datetime
    judged_by: str = Field(description="`rules`, or the name of a model.")
    version: str
    time_zone: str = Field(description="The zone in which the time of day was judged.")
    upto_detection_id: int = Field(description="The last detection that it knew.")


class AssessmentPage(Page[Assessment]):
    """Assessments of one event, the current one first."""


class Recomputation(BaseModel):
    """The current assessment, beside the one that its rules give from the same detections now."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RECOMPUTED]})

    event_id: int
    number: int = Field(description="Which of the event's assessments this is.")
    stored_version: str
    version: str = Field(description="Of the rules by which it was made again.")
    stored: Scored
    recomputed: Scored
    same: bool
