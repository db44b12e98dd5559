"""Quarantined files."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from backend.api.schemas.page import Page

_EXAMPLE: JsonDict = {
    "id": 3,
    "path": "Front Door/120010.jpg",
    "code": "picture.truncated",
    "reason": "the file ends before the picture does",
    "size": 8192,
    "first_seen_at": "2026-03-01T12:00:10Z",
    "last_seen_at": "2026-03-01T12:00:10Z",
    "released_at": None,
}


class QuarantinedFile(BaseModel):
    """A file below the media root that is no frame as it is; it stays where it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: int
    path: str = Field(description="Below the media root.")
    code: str
    reason: str
    size: int
    first_seen_at: datetime
    last_seen_at: datetime
    released_at: datetime | None = Field(
        None, description="When it had changed, and become a frame."
    )


class QuarantinePage(Page[QuarantinedFile]):
    """Files in quarantine, the newest record first."""
