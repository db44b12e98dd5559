"""Suppressions: what is never what the detector takes it for."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, computed_field, model_validator
from pydantic.config import JsonDict

from backend.api.cursors import MAX_ID
from backend.api.schemas.boxes import as_box
from backend.api.schemas.detections import Box
from backend.api.schemas.page import Page
from backend.api.schemas.text import Body, Moment, Text, at_most
from backend.domain.risk import Level, level_of
from backend.domain.suppressions import LONGEST_DAYS, USUAL_DAYS
from backend.services.stores.rows import Record
from backend.services.stores.suppressions import SuppressionState

_EXAMPLE: JsonDict = {
    "id": 3,
    "camera_id": 1,
    "state": "active",
    "class": "person",
    "box": {"x": 0.41, "y": 0.2, "width": 0.1, "height": 0.45},
    "knows_look": True,
    "track_id": 12,
    "note": "The coat in the hall.",
    "created_at": "2026-03-01T12:00:00Z",
    "ends_at": "2026-03-31T12:00:00Z",
    "undone_at": None,
    "hidden": 240,
    "hidden_at": "2026-03-02T06:40:03Z",
}

Id = Annotated[int, Field(ge=1, le=MAX_ID)]
Days = Annotated[int, Field(ge=1, le=LONGEST_DAYS)]
Note = Annotated[Text, AfterValidator(at_most(500)), Field(json_schema_extra={"maxLength": 500})]


class Ending(Body):
    """Until when: for so many days from now, or until a moment."""

    days: Days | None = Field(None, description="For so many days from now.")
    ends_at: Moment | None = Field(
        None, description=f"Until this moment; at most {LONGEST_DAYS} days from now."
    )

    @model_validator(mode="after")
    def _ends_once(self) -> "Ending":
        if self.days is not None and self.ends_at is not None:
            raise ValueError("must not have both `days` and `ends_at`")
        return self

    def end(self, now: datetime) -> datetime | None:
        """The moment, if one was said."""
        return self.ends_at if self.days is None else now + timedelta(days=self.days)


class NewSuppression(Ending):
    """What is never a person, or whatever it was taken for: a detection, or a track."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"detection_id": 90, "days": 30, "note": "The coat in the hall."}]
        },
    )

    detection_id: Id | None = Field(
        None, description="A detection of this camera: its class, its box, the look of its track."
    )
    track_id: Id | None = Field(
        None, description="Or a track of this camera: where it stands, or last stood."
    )
    note: Note | None = Field(None, description="What it is, in the owner's words.")

    @model_validator(mode="after")
    def _points_at_one_thing(self) -> "NewSuppression":
        if (self.detection_id is None) == (self.track_id is None):
            raise ValueError("must have either `detection_id` or `track_id`")
        return self

    def end(self, now: datetime) -> datetime:
        """The moment, in a month where none was said."""
        return super().end(now) or now + timedelta(days=USUAL_DAYS)


class SuppressionChange(Ending):
    """What is to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"days": 90}]})

    note: Note | None = Field(None, description="null: none.")

    @model_validator(mode="after")
    def _changes_something(self) -> "SuppressionChange":
        if self.days is None and self.ends_at is None and "note" not in self.model_fields_set:
            raise ValueError("must have `days`, `ends_at` or `note`")
        return self


class Suppression(BaseModel):
    """Detections of a class, in one place and of one look, that do not count for a while."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: int
    camera_id: int
    state: SuppressionState = Field(
        description="`ended`: its time is over. `undone`: somebody took it back."
    )
    class_name: str = Field(
        serialization_alias="class",
        description="Hidden is also what detectors take for it: a truck with a car.",
    )
    box: Box = Field(description="What overlaps with it by half or more is in its place.")
    knows_look: bool = Field(
        description="Only what looks like it is hidden; false: whatever is in its place."
    )
    track_id: int | None = Field(description="The track that it was made from.")
    note: str | None
    created_at: datetime
    ends_at: datetime
    undone_at: datetime | None
    hidden: int = Field(description="How many detections it has hidden.")
    hidden_at: datetime | None = Field(description="When it last hid one.")


class SuppressionPage(Page[Suppression]):
    """Suppressions, the newest first."""


class HiddenEvent(BaseModel):
    """An event of which something would have been hidden."""

    id: int
    score: int
    summary: str
    first_at: datetime
    last_at: datetime
    detections: int
    hidden: int = Field(description="Detections of it that would not have counted.")
    gone: bool = Field(description="All of them: there would have been no such event.")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def level(self) -> Level:
        """How the score reads."""
        return level_of(self.score)


class Preview(BaseModel):
    """What a suppression would have hidden. Nothing is changed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "class": "person",
                    "box": _EXAMPLE["box"],
                    "knows_look": True,
                    "since": "2026-02-22T12:00:00Z",
                    "looked_at": 612,
                    "complete": True,
                    "hidden": 37,
                    "events_touched": 9,
                    "events_gone": 8,
                    "events": [
                        {
                            "id": 17,
                            "level": "medium",
                            "score": 44,
                            "summary": "Person at 12:00:00 for 8 s",
                            "first_at": "2026-03-01T12:00:00Z",
                            "last_at": "2026-03-01T12:00:08Z",
                            "detections": 5,
                            "hidden": 5,
                            "gone": True,
                        }
                    ],
                }
            ]
        }
    )

    class_name: str = Field(serialization_alias="class")
    box: Box
    knows_look: bool
    since: datetime
    looked_at: int = Field(description="Detections of the events that were looked at.")
    complete: bool = Field(description="false: there were more; the latest were looked at.")
    hidden: int = Field(description="Detections that would not have counted.")
    events_touched: int = Field(description="Events of which something would have been hidden.")
    events_gone: int = Field(description="Events that would not have been at all.")
    events: list[HiddenEvent] = Field(
        description="Those of which something would have been hidden, the latest first; at most 50."
    )


def as_suppression(row: Record) -> Record:
    """A row as the API shows it."""
    return {**row, "box": as_box(row["box"])}
