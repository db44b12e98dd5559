"""What people draw on a camera's picture: zones, lines and privacy masks."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic.config import JsonDict

from backend.api.schemas.page import Page
from backend.api.schemas.text import Body, SpokenName
from backend.domain import zones as rules
from backend.domain.class_choice import CHOICES, class_choice
from backend.domain.hours import hours_of
from backend.domain.shapes import MOST_BENDS, MOST_CORNERS, polygon, polyline
from backend.domain.zones import ZoneType

_NAME = "What people call it, once among those of its camera: 1 to 200 bytes."
_ON = "Off: it is kept, and nobody heeds it."


def _chosen(raw: object) -> list[str]:
    return sorted(class_choice(raw))


def _window(raw: object) -> str | None:
    return None if raw is None else str(hours_of(raw))


def _share(raw: object) -> float | None:
    return None if raw is None else rules.share(raw)


def _documented(least: int, most: int) -> WithJsonSchema:
    """Points in JSON."""
    coordinate = {"type": "number", "minimum": 0, "maximum": 1}
    point = {"type": "array", "items": coordinate, "minItems": 2, "maxItems": 2}
    return WithJsonSchema({"type": "array", "items": point, "minItems": least, "maxItems": most})


Pairs = list[list[float]]


def _corners(raw: object) -> Pairs:
    return [list(point) for point in polygon(raw)]


def _bends(raw: object) -> Pairs:
    return [list(point) for point in polyline(raw)]


Polygon = Annotated[Pairs, PlainValidator(_corners), _documented(3, MOST_CORNERS)]
Polyline = Annotated[Pairs, PlainValidator(_bends), _documented(2, MOST_BENDS)]
Classes = Annotated[
    list[str],
    PlainValidator(_chosen),
    WithJsonSchema({"type": "array", "items": {"type": "string", "enum": list(CHOICES)}}),
]
Hours = Annotated[
    str | None,
    PlainValidator(_window),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "null"}]}),
]
Share = Annotated[
    float | None,
    PlainValidator(_share),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": 1}, {"type": "null"}]}
    ),
]
Weight = Annotated[
    int,
    PlainValidator(rules.weight),
    WithJsonSchema({"type": "integer", "minimum": -rules.HEAVIEST, "maximum": rules.HEAVIEST}),
]
Priority = Annotated[
    int,
    PlainValidator(rules.priority),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": rules.HIGHEST_PRIORITY}),
]
Colour = Annotated[
    str,
    PlainValidator(rules.colour),
    WithJsonSchema({"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"}),
]

_CORNERS = (
    "Its corners, x and y as fractions of the upright picture from its top left corner; it closes "
    "by itself and must not cross itself."
)
_KEPT: JsonDict = {
    "id": 1,
    "camera_id": 1,
    "created_at": "2026-03-01T08:00:00Z",
    "changed_at": "2026-03-01T08:00:00Z",
}
_ZONE: JsonDict = {
    "name": "Driveway",
    "points": [[0.1, 0.55], [0.6, 0.5], [0.9, 1.0], [0.05, 1.0]],
    "enabled": True,
    "type": "driveway",
    "weight": 10,
    "priority": 0,
    "share": None,
    "colour": "#3498db",
    "hours": "22:00-06:00",
    "classes": ["person"],
}
_LINE: JsonDict = {
    "name": "Gate",
    "points": [[0.2, 0.6], [0.8, 0.65]],
    "enabled": True,
    "inwards": "coming home",
    "outwards": "leaving",
    "classes": [],
}
_MASK: JsonDict = {
    "name": "The neighbours' window",
    "points": [[0.7, 0.1], [0.9, 0.1], [0.9, 0.3], [0.7, 0.3]],
    "enabled": True,
}


def _example(*parts: JsonDict) -> ConfigDict:
    whole: JsonDict = {name: value for part in parts for name, value in part.items()}
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [whole]})


class _Kept(BaseModel):
    """What all have that are kept."""

    id: int
    camera_id: int
    created_at: datetime
    changed_at: datetime


class _Change(Body):
    """What is to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="after")
    def _changes_something(self) -> "_Change":
        if not self.model_fields_set:
            raise ValueError(f"must have one of {', '.join(type(self).model_fields)}")
        return self


def _change(example: JsonDict) -> ConfigDict:
    """Documented without defaults: what is left out is not set to them."""

    def without_defaults(schema: JsonDict) -> None:
        schema["examples"] = [example]
        properties: Any = schema["properties"]
        for one in properties.values():
            one.pop("default", None)

    return ConfigDict(extra="forbid", json_schema_extra=without_defaults)


class NewZone(Body):
    """A part of the picture that has a meaning."""

    model_config = _example(_ZONE)

    name: SpokenName = Field(description=_NAME)
    points: Polygon = Field(description=_CORNERS)
    enabled: bool = Field(True, description=_ON)
    type: ZoneType = Field(ZoneType.OTHER, description="What it is for those who live there.")
    weight: Weight = Field(
        0,
        description="Points that being in it adds to the score. Below 0 it takes points, and only "
        "where all that was seen stayed in such zones.",
    )
    priority: Priority = Field(
        0, description="Where several zones hold something, the highest is named first and counts."
    )
    share: Share = Field(
        None, description="So much of a box must lie in it; null: its foot point decides."
    )
    colour: Colour = Field("#3498db", description="In which it is drawn.")
    hours: Hours = Field(
        None,
        description="When it counts, on the camera's clock: `22:00-06:00` or "
        "`mon-fri 08:00-17:00`; null: always.",
    )
    classes: Classes = Field([], description="Which classes or groups it is about; none: all.")


class ZoneChange(_Change, NewZone):
    """What is to change of a zone; what is left out stays."""

    model_config = _change({"weight": -5, "hours": None})

    name: SpokenName = Field("", description=_NAME)
    points: Polygon = Field([], description=_CORNERS)


class Zone(NewZone, _Kept):
    """A part of the picture that has a meaning."""

    model_config = _example(_KEPT, _ZONE)


class ZonePage(Page[Zone]):
    """Zones, by id."""


_BENDS = (
    "Its points from end to end, as fractions of the upright picture. Inwards is to the right hand "
    "of somebody who walks along it: over a line from left to right, downwards."
)
_INWARDS, _OUTWARDS = "What going inwards means.", "What going outwards means."


class NewLine(Body):
    """A line over the picture, which may be crossed in two directions."""

    model_config = _example(_LINE)

    name: SpokenName = Field(description=_NAME)
    points: Polyline = Field(description=_BENDS)
    enabled: bool = Field(True, description=_ON)
    inwards: SpokenName = Field("inwards", description=_INWARDS)
    outwards: SpokenName = Field("outwards", description=_OUTWARDS)
    classes: Classes = Field([], description="Which classes or groups it is about; none: all.")


class LineChange(_Change, NewLine):
    """What is to change of a line; what is left out stays."""

    model_config = _change({"inwards": "arriving"})

    name: SpokenName = Field("", description=_NAME)
    points: Polyline = Field([], description=_BENDS)


class Line(NewLine, _Kept):
    """A line over the picture, which may be crossed in two directions."""

    model_config = _example(_KEPT, _LINE)


class LinePage(Page[Line]):
    """Lines, by id."""


class NewMask(Body):
    """A part of the picture that nobody and nothing may see."""

    model_config = _example(_MASK)

    name: SpokenName = Field(description=_NAME)
    points: Polygon = Field(description=_CORNERS)
    enabled: bool = Field(True, description="Off: what it covers is seen and shown again.")


class MaskChange(_Change, NewMask):
    """What is to change of a mask; what is left out stays."""

    model_config = _change({"enabled": False})

    name: SpokenName = Field("", description=_NAME)
    points: Polygon = Field([], description=_CORNERS)


class Mask(NewMask, _Kept):
    """A part of the picture that nobody and nothing may see."""

    model_config = _example(_KEPT, _MASK)


class MaskPage(Page[Mask]):
    """Masks, by id."""
