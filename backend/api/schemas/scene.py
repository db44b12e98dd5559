"""What belongs to a camera's scene."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from backend.api.schemas.boxes import as_box
from backend.api.schemas.detections import Box
from backend.api.schemas.page import Page
from backend.services.stores.rows import Record

_EXAMPLE: JsonDict = {
    "track_id": 12,
    "camera_id": 1,
    "state": "scene",
    "class": "car",
    "box": {"x": 0.12, "y": 0.55, "width": 0.3, "height": 0.25},
    "first_at": "2026-03-01T18:02:11Z",
    "stands_since": "2026-03-01T18:02:19Z",
    "last_at": "2026-03-02T06:40:03Z",
    "sightings": 8120,
    "watched": False,
}


class SceneThing(BaseModel):
    """A thing that belongs to a camera's scene, or did, or is never to."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    track_id: int
    camera_id: int
    state: Literal["live", "scene", "left"] = Field(
        description="`scene`: it is no news. `left`: it was, has left, and may come back. `live`: "
        "all else."
    )
    class_name: str = Field(serialization_alias="class")
    box: Box = Field(description="Where it stands, or last stood.")
    first_at: datetime = Field(description="When it was first seen.")
    stands_since: datetime = Field(description="Since when it stands there.")
    last_at: datetime = Field(description="When it was last seen.")
    sightings: int = Field(description="In how many frames it was seen.")
    watched: bool = Field(description="Somebody said that it is never part of the scene.")


class ScenePage(Page[SceneThing]):
    """What belongs to a camera's scene, by track."""


def as_thing(row: Record) -> Record:
    """A row as the API shows it."""
    return {
        **row,
        "track_id": row["id"],
        "box": as_box(row["rest"]),
        "stands_since": row["still_since"],
    }
