"""`hsi zones`, `hsi lines` and `hsi masks`."""

from typing import Any

import pytest

from backend.api.schemas.drawings import Line, Mask, Zone
from backend.cli import drawings, lines, masks, zones
from backend.core.errors import Invalid, NotFound
from backend.tests.fixtures.scripted_api import ScriptedApi, example, page

PATH = "/api/cameras/1/zones"
DRIVEWAY = example(Zone)
NUMBERED = example(Zone, id=2, name="1", enabled=False)


@pytest.mark.parametrize(
    ("word", "found"),
    [("Driveway", 1), ("2", 2), ("1", 2)],  # the name goes before the number
)
def test_one_is_meant_by_its_name_or_its_number(word: str, found: int) -> None:
    with ScriptedApi({f"GET {PATH}": [page([DRIVEWAY, NUMBERED])]}).client() as opened:
        assert drawings.drawing_of(opened, "zone", PATH, word)["id"] == found


@pytest.mark.parametrize(
    ("known", "words"), [([DRIVEWAY, NUMBERED], "Driveway, 1"), ([], "none yet")]
)
def test_an_unknown_one_is_said_to_be_none(known: list[Any], words: str) -> None:
    with (
        ScriptedApi({f"GET {PATH}": [page(known)]}).client() as opened,
        pytest.raises(NotFound, match=rf"no zone a\\x1b; known: {words}$"),
    ):
        drawings.drawing_of(opened, "zone", PATH, "a\x1b")


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ({"name": None, "weight": None, "enabled": None}, {}),
        ({"weight": 0, "enabled": False}, {"weight": 0, "enabled": False}),
        ({"points": " 0.1,0.2  1,0\n.5,1 "}, {"points": [[0.1, 0.2], [1, 0], [0.5, 1]]}),
        ({"classes": ["person", "car"]}, {"classes": ["person", "car"]}),
        ({"classes": ["all"]}, {"classes": []}),
        ({"hours": "22:00-06:00", "share": "0.5"}, {"hours": "22:00-06:00", "share": 0.5}),
        ({"hours": "always", "share": "foot"}, {"hours": None, "share": None}),
    ],
)
def test_what_was_said_is_sent_as_the_api_wants_it(
    said: dict[str, Any], sent: dict[str, Any]
) -> None:
    assert drawings.given(said) == sent


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"points": "0.1,0.2 0.3"}, "--points: point 2 must be two numbers like 0.5,0.25"),
        ({"points": "0.1,0.2,0.3"}, "--points: point 1 must be two numbers like 0.5,0.25"),
        ({"points": "a,0.2"}, "--points: a is no number"),
        ({"points": "0.1,nan"}, "--points: nan is no number"),
        ({"share": "half"}, "--share: half is no number"),
    ],
)
def test_what_is_no_number_is_refused_before_it_is_sent(said: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=f"^{words}$"):
        drawings.given(said)


def test_zones_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    plain = example(Zone, name="[red]", weight=0, classes=[], hours=None, share=0.25, enabled=False)
    zones.show([DRIVEWAY, plain])
    titles, one, other = (line.split() for line in capsys.readouterr().out.splitlines())
    assert titles == ["ID", "NAME", "TYPE", "WEIGHT", "CLASSES", "HOURS", "BY", "POINTS", "STATE"]
    assert one == ["1", "Driveway", "driveway", "+10", "person", "22:00-06:00", "foot", "4", "on"]
    assert other == [
        "1",
        "[red]",
        "driveway",
        "0",
        "all",
        "always",
        "25%",
        "of",
        "the",
        "box",
        "4",
        "off",
    ]


def test_lines_and_masks_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    lines.show([example(Line)])
    masks.show([example(Mask)])
    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert shown == [
        "ID NAME INWARDS OUTWARDS CLASSES POINTS STATE",
        "1 Gate coming home leaving all 2 on",
        "ID NAME POINTS STATE",
        "1 The neighbours' window 4 on",
    ]
