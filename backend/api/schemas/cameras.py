"""Cameras."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from backend.api.schemas.page import Page
from backend.api.schemas.text import Body, SpokenName, ZoneName

_EXAMPLE: JsonDict = {
    "id": 1,
    "slug": "front_door",
    "name": "Front Door",
    "folder": "Front Door",
    "time_zone": None,
    "created_at": "2026-03-01T08:00:00Z",
    "deleted_at": None,
    "ignored_files": 0,
    "skipped_frames": 0,
    "skipped_at": None,
    "last_frame_at": "2026-03-01T12:00:00Z",
    "silent_since": None,
    "waiting_frames": 0,
}


def folder_name(name: str) -> str:
    """The name, if a folder of that name is one folder below the media root, and not hidden."""
    if "/" in name:
        raise ValueError("must not contain `/`: it becomes the name of one folder")
    if name.startswith("."):
        raise ValueError("must not begin with a dot: such folders are hidden")
    return name


class NewCamera(Body):
    """A camera to be added; its folder is made, and gets the camera's name."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "Front Door", "time_zone": "Europe/Berlin"}]},
    )

    name: Annotated[SpokenName, AfterValidator(folder_name)] = Field(
        description="1 to 200 bytes, without `/`, control characters and a dot at the beginning."
    )
    time_zone: ZoneName | None = Field(
        None, description="For pictures that do not say theirs; null: the product's own setting."
    )


class CameraChange(Body):
    """What is to change; what is left out stays. The folder and the slug never change."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "Back Door"}]}
    )

    name: SpokenName = Field("", description="What people call it: 1 to 200 bytes.")
    time_zone: ZoneName | None = Field(None, description="null: the product's own setting again.")

    @model_validator(mode="after")
    def _changes_something(self) -> "CameraChange":
        if not self.model_fields_set:
            raise ValueError("must have `name`, `time_zone` or both")
        return self


class Camera(BaseModel):
    """A source of frames. `folder` is its folder below the media root."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: int
    slug: str = Field(description="Made from the folder's name; never changes.")
    name: str
    folder: str
    time_zone: str | None
    created_at: datetime
    deleted_at: datetime | None = Field(description="Set: only this tombstone is left.")
    ignored_files: int = Field(description="Files that came since it was deleted.")
    skipped_frames: int = Field(
        description="Frames that nobody looked at, since it sent more than could be looked at."
    )
    skipped_at: datetime | None = Field(description="When a frame was last skipped.")
    last_frame_at: datetime | None
    silent_since: datetime | None = Field(
        description="Set: it is silent for longer than is its habit, and this is when its last "
        "picture came."
    )
    waiting_frames: int = Field(description="Frames not looked at yet; counted up to 100001.")


class CameraPage(Page[Camera]):
    """Cameras, by id."""


class RemovedCamera(BaseModel):
    """What the database had of a camera that was deleted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "camera_id": 1,
                    "slug": "front_door",
                    "frames": 5120,
                    "events": 40,
                    "detections": 612,
                }
            ]
        }
    )

    camera_id: int
    slug: str
    frames: int
    events: int
    detections: int
