"""Detections."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from backend.api.schemas.page import Page
from backend.services.stores.rows import Record

_EXAMPLE: JsonDict = {
    "id": 90,
    "frame_id": 4711,
    "event_id": 17,
    "camera": "front_door",
    "captured_at": "2026-03-01T12:00:08Z",
    "class": "person",
    "confidence": 0.914,
    "box": {"x": 0.41, "y": 0.2, "width": 0.1, "height": 0.45},
    "alternatives": None,
}


class Box(BaseModel):
    """A rectangle in fractions of the picture, 0..1, from its top left corner."""

    x: float
    y: float
    width: float
    height: float


class Detection(BaseModel):
    """One object found in one frame."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: int
    frame_id: int
    event_id: int
    camera: str = Field(description="The camera's slug.")
    captured_at: datetime
    class_name: str = Field(serialization_alias="class")
    confidence: float = Field(ge=0, le=1)
    box: Box
    alternatives: dict[str, float] | None = Field(
        description="What else it might be, with the confidence of each."
    )


class DetectionPage(Page[Detection]):
    """Detections, the newest first."""


def as_detection(row: Record) -> Record:
    """A row as the API shows it: the numbers, stored in single precision, to four places."""
    box = {side: round(row[side], 4) for side in ("x", "y", "width", "height")}
    return {**row, "confidence": round(row["confidence"], 4), "box": box}
