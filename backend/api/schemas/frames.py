"""Frames, and what became of them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field
from pydantic.config import JsonDict

from backend.api.schemas.dead_letters import DeadLetter
from backend.api.schemas.detections import Detection
from backend.api.schemas.events import Event
from backend.api.schemas.page import Page
from backend.api.schemas.quarantine import QuarantinedFile
from backend.domain.frames import FrameState, Lane
from backend.services.stores.rows import Record

_EXAMPLE: JsonDict = {
    "id": 4711,
    "camera_id": 1,
    "camera": "front_door",
    "event_id": 17,
    "path": "2026-03-01/120008.jpg",
    "state": "attached",
    "reason": None,
    "remarks": {"dropped": {"class chair": 2}},
    "detector": "yolox_nano_dyn",
    "width": 1920,
    "height": 1080,
    "size": 402133,
    "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    "captured_at": "2026-03-01T12:00:08Z",
    "captured_from": "exif",
    "clock_suspect": False,
    "found_by": "watch",
    "completed_at": "2026-03-01T12:00:08.4Z",
    "received_at": "2026-03-01T12:00:08.5Z",
    "claimed_at": "2026-03-01T12:00:08.6Z",
    "finished_at": "2026-03-01T12:00:09Z",
    "attempts": 1,
    "picture": "/api/frames/4711/picture",
    "thumbnail": "/api/frames/4711/thumbnail",
}


class Remarks(BaseModel):
    """What the detector says beside its detections."""

    dropped: dict[str, int] = Field({}, description="Found and not kept, counted by reason.")
    detector: str | None = Field(None, description="Why nothing was found, where it knows.")
    source: str | None = Field(None, description="Of a service, the model that looked, and where.")


class Frame(BaseModel):
    """One still image taken by a camera."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: int
    camera_id: int
    camera: str = Field(description="The camera's slug.")
    event_id: int | None
    path: str = Field(description="Its file, below the camera's folder.")
    state: FrameState
    reason: str | None = Field(
        description="Why it is buried, quarantined or skipped, or failed so far."
    )
    remarks: Remarks | None
    detector: str | None
    width: int
    height: int
    size: int = Field(description="Of the file, in bytes.")
    sha256: str = Field(description="Of the file's content, in hexadecimal.")
    captured_at: datetime
    captured_from: Literal["exif", "mtime", "received"]
    clock_suspect: bool = Field(description="A time that came with the picture was refused.")
    found_by: Literal["watch", "scan"]
    completed_at: datetime | None = Field(
        description="When the kernel said that the file was complete; unknown of one that a scan "
        "found."
    )
    received_at: datetime = Field(description="When it was taken into the ledger.")
    claimed_at: datetime | None = Field(description="When the last attempt began.")
    finished_at: datetime | None
    attempts: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def picture(self) -> str:
        """Where the picture is."""
        return f"/api/frames/{self.id}/picture"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def thumbnail(self) -> str | None:
        """Where the small picture with the boxes is; null where nothing was found."""
        attached = self.state is FrameState.ATTACHED
        return f"/api/frames/{self.id}/thumbnail" if attached else None


class FramePage(Page[Frame]):
    """Frames, the latest capture first."""


class Step(BaseModel):
    """Something that happened to a frame."""

    at: datetime
    step: Literal[
        "completed",
        "received",
        "claimed",
        "buried",
        "replayed",
        "discarded",
        "finished",
        "assessed",
        "told",
        "closed",
    ]
    what: str


class Trace(BaseModel):
    """What happened to a frame, when and why."""

    sentence: str = Field(description="All of it in a plain sentence.")
    lane: Lane
    steps: list[Step]
    frame: Frame
    detections: list[Detection]
    event: Event | None
    dead_letter: DeadLetter | None


class FileTrace(BaseModel):
    """What became of a file: one frame for each content that it has had."""

    path: str = Field(description="Below the media root.")
    sentence: str
    frames: list[Trace] = Field(description="The latest capture first; at most 20.")
    quarantine: QuarantinedFile | None


def as_frame(row: Record) -> Record:
    """A row as the API shows it."""
    return {**row, "sha256": row["content_hash"].hex()}
