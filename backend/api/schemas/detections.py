"""Detections."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
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
    "track_id": 12,
    "signs": {
        "zones": [{"name": "Porch", "weight": 20, "seconds": 4.0, "entered": False}],
        "approach": 1.62,
    },
    "enrichment": {
        "movement": {"dwell": 6.0, "direction": "nearer", "speed": 0.8},
        "colours": {"dominant": {"blue": 0.48, "black": 0.21}},
    },
}


class Box(BaseModel):
    """A rectangle in fractions of the picture, 0..1, from its top left corner."""

    x: float
    y: float
    width: float
    height: float


class InZone(BaseModel):
    """A zone that a detection was in."""

    name: str
    weight: int = Field(description="Points of risk, as they were then.")
    seconds: float = Field(0.0, description="For how long its thing had been in it.")
    entered: bool = Field(False, description="It came in just then.")


class Crossed(BaseModel):
    """A line that has just been crossed."""

    line: str
    direction: Literal["inwards", "outwards"]
    words: str = Field(description="What the owner calls this direction.")


class Signs(BaseModel):
    """What was known of a detection beside the picture."""

    zones: list[InZone] = Field([], description="That of the highest priority first.")
    left: list[str] = Field([], description="Zones that it had just gone out of.")
    crossed: list[Crossed] = []
    still: float = Field(0.0, description="Seconds that it had stood where it stood.")
    approach: float = Field(1.0, description="How many times as large as when first seen.")
    arrived: bool = Field(False, description="It had just come to stand, or come back.")
    departed: bool = Field(False, description="It belonged to the scene, and left.")


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
    track_id: int | None = Field(description="The track that it belongs to.")
    signs: Signs = Field(description="What its track, zones and lines said of it at that moment.")
    enrichment: dict[str, JsonValue] = Field(
        description="What each enricher said of it, by the enricher's name."
    )


class DetectionPage(Page[Detection]):
    """Detections, the newest first."""


def as_detection(row: Record) -> Record:
    """A row as the API shows it: the numbers, stored in single precision, to four places."""
    box = {side: round(row[side], 4) for side in ("x", "y", "width", "height")}
    shown = {"confidence": round(row["confidence"], 4), "box": box}
    return {**row, **shown, "signs": row["signs"] or {}, "enrichment": row["enrichment"] or {}}
