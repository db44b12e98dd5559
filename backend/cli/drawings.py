"""What `hsi zones`, `hsi lines` and `hsi masks` have in common."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from backend.cli.client import Api, Document

if TYPE_CHECKING:
    from backend.cli.tables import Cell, Column

Noun = Literal["zone", "line", "mask"]

Name = Annotated[str, typer.Argument(metavar="NAME", help="Its name, or its number.")]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="What it is to be called.")]
OtherName = Annotated[str | None, typer.Option("--name", help="Another name for it.")]
Points = Annotated[
    str,
    typer.Option(
        help="Its points in order, like '0.1,0.2 0.5,0.2 0.5,0.9': fractions of the picture's "
        "width and height, from its top left corner."
    ),
]
OtherPoints = Annotated[str | None, typer.Option("--points", help="Other points for it.")]
Classes = Annotated[
    list[str] | None,
    typer.Option(
        "--class", help="Only for this class, like person or vehicle; may be repeated. Or all."
    ),
]
Enabled = Annotated[
    bool | None, typer.Option("--on/--off", help="Whether it is heeded. Off, it is kept.")
]


def list_drawn(
    noun: Noun,
    camera: str,
    show: Callable[[list[Document]], None],
    server: str | None,
    data: Path | None,
    *,
    as_json: bool,
) -> None:
    """Show what is drawn on a camera's picture."""
    from backend.cli.client import api, print_json

    with api(server, data) as opened:
        found = all_drawn(opened, _path(opened, noun, camera))
    if as_json:
        print_json(found)
    elif found:
        show(found)
    else:
        typer.echo(f"no {noun}s: `hsi {noun}s add` draws one")


def add_drawn(
    noun: Noun, camera: str, body: Document, server: str | None, data: Path | None, *, as_json: bool
) -> None:
    """Draw something."""
    from backend.cli.client import api

    with api(server, data) as opened:
        added = opened.send("POST", _path(opened, noun, camera), body=given(body))
    _tell(noun, added, "added", as_json=as_json)


def change_drawn(
    noun: Noun,
    camera: str,
    word: str,
    body: Document,
    server: str | None,
    data: Path | None,
    *,
    as_json: bool,
) -> None:
    """Change what was given of something that is drawn."""
    from backend.cli.client import api

    with api(server, data) as opened:
        path = _path(opened, noun, camera)
        drawing = drawing_of(opened, noun, path, word)
        changed = opened.send("PATCH", f"{path}/{drawing['id']}", body=given(body))
    _tell(noun, changed, "changed", as_json=as_json)


def delete_drawn(
    noun: Noun, camera: str, word: str, server: str | None, data: Path | None, *, as_json: bool
) -> None:
    """Remove something that is drawn."""
    from backend.cli.client import api

    with api(server, data) as opened:
        path = _path(opened, noun, camera)
        drawing = drawing_of(opened, noun, path, word)
        opened.send("DELETE", f"{path}/{drawing['id']}")
    _tell(noun, drawing, "deleted", as_json=as_json)


def all_drawn(opened: Api, path: str) -> list[Document]:
    """All that a list has."""
    import sys

    return opened.listed(path, limit=sys.maxsize)


def drawing_of(opened: Api, noun: Noun, path: str, word: str) -> Document:
    """The one that is meant: by its name, else its number. Raises NotFound."""
    from backend.core.errors import NotFound
    from backend.core.log_lines import printable

    known = all_drawn(opened, path)
    for key in ("name", "id"):
        for one in known:
            if str(one[key]) == word:
                return one
    names = ", ".join(str(one["name"]) for one in known) or "none yet"
    raise NotFound(
        f"no {noun} {printable(word)}; known: {printable(names)}", code=f"{noun}.not_found"
    )


def given(body: Document) -> Document:
    """What was said, as the API wants it: points from text, and words for no limit as none."""
    said = {name: value for name, value in body.items() if value is not None}
    if "points" in said:
        said["points"] = points_of(said["points"])
    if said.get("classes") == ["all"]:
        said["classes"] = []
    if said.get("hours") == "always":
        said["hours"] = None
    if "share" in said:
        said["share"] = None if said["share"] == "foot" else number_of("--share", said["share"])
    return said


def points_of(text: str) -> list[list[float]]:
    """`0.1,0.2 0.5,0.2` as pairs. Raises Invalid for what are no numbers; the API judges them."""
    from backend.core.errors import Invalid

    pairs = [pair.split(",") for pair in text.split()]
    for number, pair in enumerate(pairs, 1):
        if len(pair) != 2:
            raise Invalid(
                f"--points: point {number} must be two numbers like 0.5,0.25",
                code="points.invalid",
            )
    return [[number_of("--points", one) for one in pair] for pair in pairs]


def number_of(option: str, text: str) -> float:
    """A number that somebody typed. Raises Invalid."""
    from math import isfinite

    from backend.core.errors import Invalid
    from backend.core.log_lines import printable

    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise Invalid(f"{option}: {printable(text)} is no number", code="number.invalid")
    return number


def show_drawn(
    found: list[Document],
    columns: "Sequence[Column]",
    cells: "Callable[[Document], Sequence[Cell]]",
) -> None:
    """Print what is drawn: what all have around a kind's own columns."""
    from backend.cli.tables import Column, show_table

    show_table(
        (
            Column("ID", whole=True, right=True),
            Column("NAME"),
            *columns,
            Column("POINTS", right=True),
            Column("STATE"),
        ),
        ((one["id"], one["name"], *cells(one), len(one["points"]), state_of(one)) for one in found),
    )


def state_of(drawing: Document) -> str:
    """Whether it is heeded."""
    return "on" if drawing["enabled"] else "off"


def classes_of(drawing: Document) -> str:
    """Which classes it is about."""
    return ", ".join(drawing["classes"]) or "all"


def _path(opened: Api, noun: Noun, camera: str) -> str:
    from backend.cli.cameras import camera_of

    found = camera_of(opened, camera, deleted=False)
    return f"/api/cameras/{found['id']}/{noun}s"


def _tell(noun: Noun, drawing: Document, done: str, *, as_json: bool) -> None:
    from backend.cli.client import print_json
    from backend.cli.tables import show_line

    if as_json:
        print_json(drawing)
    else:
        show_line(f"{done} {noun} {drawing['name']}, number {drawing['id']}, {state_of(drawing)}")
