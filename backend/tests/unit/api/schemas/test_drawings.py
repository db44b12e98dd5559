"""What may be drawn, and what is said of what may not."""

from typing import Any

import httpx
import pytest

from backend.api.schemas.drawings import (
    LineChange,
    MaskChange,
    NewLine,
    NewMask,
    NewZone,
    ZoneChange,
)

SQUARE = [[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5]]
BOW_TIE = [[0, 0], [0.5, 0.5], [0.5, 0], [0, 0.5]]
OFF = "its y is a fraction in 0..1, not pixels"
CROSSING = "must not cross or touch itself: from point 1 to 2 it meets itself from point 3 to 4"
SHARE = "must be a part of the box, above 0 and at most 1, or null: its foot point"

FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "two points": ({"points": SQUARE[:2]}, "points: must have 3 to 64 points, got 2"),
    "too many": ({"points": SQUARE * 17}, "points: must have 3 to 64 points, got 68"),
    "out of range": (
        {"points": [[0, 0], [1, 1.01], [0, 1]]},
        f"points: point 2 must lie on the picture: {OFF}",
    ),
    "not numbers": (
        {"points": [[0, 0], ["x", 1], [0, 1]]},
        "points: point 2 must have a number as its x",
    ),
    "no pair": ({"points": [[0, 0], [1], [0, 1]]}, "points: point 2 must be two numbers, x and y"),
    "no list": ({"points": "0,0 1,1"}, "points: must be a list of points"),
    "crossing itself": (
        {"points": BOW_TIE},
        f"points: {CROSSING}",
    ),
    "no area": (
        {"points": [[0, 0], [0.2, 0.2], [0.5, 0.5]]},
        "points: must have an area: all its points lie on one line",
    ),
    "a point twice": (
        {"points": [*SQUARE, [0, 0]]},
        "points: must not have a point twice: 5 is where 1 is (it closes by itself)",
    ),
    "an unknown class": (
        {"classes": ["persn"]},
        "classes: has a class that is not known: did you mean person?",
    ),
    "no hours": (
        {"hours": "25:00-06:00"},
        "hours: have a time that is none: 25:00 (00:00 to 23:59)",
    ),
    "a weight": ({"weight": 51}, "weight: must be a whole number in -50..50"),
    "a weight in parts": ({"weight": 0.5}, "weight: must be a whole number in -50..50"),
    "a priority": ({"priority": -1}, "priority: must be a whole number in 0..100"),
    "a colour": (
        {"colour": "red"},
        'colour: must be a colour like "#3498db": six digits 0-9 or a-f',
    ),
    "a share": ({"share": 0}, f"share: {SHARE}"),
    "a type": (
        {"type": "moat"},
        "type: must be 'entry_point', 'driveway', 'sidewalk', 'yard' or 'other'",
    ),
    "a switch": ({"enabled": "perhaps"}, "enabled: must be true or false"),
    "an empty name": ({"name": " "}, "name: must not be empty"),
    "a name for no terminal": (
        {"name": "a\x1b[2J"},
        "name: must not contain control characters",
    ),
    "a long name": ({"name": "ä" * 101}, "name: must be at most 200 bytes long in UTF-8"),
    "a field of nobody": ({"color": "#000000"}, "color: is not known here"),
    "two at once": (
        {"weight": 99, "priority": 101},
        "weight: must be a whole number in -50..50; priority: must be a whole number in 0..100",
    ),
}


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize(("changes", "words"), FAULTS.values(), ids=FAULTS)
async def test_what_is_wrong_with_a_zone_is_said_by_field(
    api: httpx.AsyncClient, method: str, changes: dict[str, Any], words: str
) -> None:
    whole = {"name": "Hof", "points": SQUARE, **changes}
    path = "/api/cameras/1/zones"
    answer = await api.request(
        method,
        path if method == "POST" else f"{path}/1",
        json=whole if method == "POST" else changes,
    )
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "request.invalid"
    assert problem["detail"] == words
    assert {one["field"] for one in problem["errors"]} == set(changes)


@pytest.mark.parametrize(
    ("path", "sent", "words"),
    [
        ("lines", {"points": SQUARE[:1]}, "points: must have 2 to 16 points, got 1"),
        ("lines", {"inwards": ""}, "inwards: must not be empty"),
        ("lines", {"weight": 3}, "weight: is not known here"),
        ("masks", {"points": BOW_TIE}, FAULTS["crossing itself"][1]),
        ("masks", {"classes": ["person"]}, "classes: is not known here"),
        ("masks", {}, "body: must have one of name, points, enabled"),
    ],
)
async def test_what_is_wrong_with_a_line_or_a_mask(
    api: httpx.AsyncClient, path: str, sent: dict[str, Any], words: str
) -> None:
    answer = await api.patch(f"/api/cameras/1/{path}/1", json=sent)
    assert answer.status_code == 422
    assert answer.json()["detail"] == words


async def test_what_is_missing_is_named(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/cameras/1/masks", json={})
    assert answer.json()["detail"] == "name: is missing; points: is missing"


def test_what_is_sent_is_kept_in_one_form() -> None:
    zone = NewZone(
        name=" Hof ",
        points=[[0, 0], [1, 0], [0.12345678, 1]],
        colour="#ABCDEF",
        hours=" Fri-Mon 22:00-06:00",
        classes=["person", "car", "person"],
    )
    kept = zone.model_dump(mode="json")
    assert kept["name"] == "Hof"
    assert kept["points"] == [[0.0, 0.0], [1.0, 0.0], [0.123457, 1.0]]
    assert kept["colour"] == "#abcdef"
    assert kept["hours"] == "mon,fri,sat,sun 22:00-06:00"
    assert kept["classes"] == ["car", "person"]
    assert NewZone(**kept) == zone


@pytest.mark.parametrize(
    ("change", "sent"),
    [
        (ZoneChange, {"weight": -3}),
        (ZoneChange, {"hours": None, "share": None}),
        (LineChange, {"points": [[0.0, 0.0], [1.0, 1.0]]}),
        (MaskChange, {"enabled": False}),
    ],
)
def test_a_change_has_what_was_sent(change: Any, sent: dict[str, Any]) -> None:
    assert change(**sent).model_dump(mode="json", exclude_unset=True) == sent


@pytest.mark.parametrize("new", [NewZone, NewLine, NewMask])
def test_the_examples_are_what_may_be_sent(new: Any) -> None:
    (example,) = new.model_config["json_schema_extra"]["examples"]
    assert new(**example).model_dump(mode="json") == example
