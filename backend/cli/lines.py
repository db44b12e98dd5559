"""`hsi lines`."""

from typing import Annotated

import typer

from backend.cli import drawings
from backend.cli.cameras import Camera
from backend.cli.client import Data, Document, Json, Server
from backend.cli.drawings import (
    Classes,
    Enabled,
    Name,
    NewName,
    OtherName,
    OtherPoints,
    Points,
)

app = typer.Typer(
    help="Show the lines over a camera's picture, or draw, change and delete one.",
    no_args_is_help=True,
)

Inwards = Annotated[
    str | None,
    typer.Option(
        help="What crossing it inwards is called: to the right hand of who walks along it; where "
        "it is drawn from left to right, downwards."
    ),
]
Outwards = Annotated[str | None, typer.Option(help="What crossing it outwards is called.")]


@app.command("list")
def list_lines(
    camera: Camera, server: Server = None, data: Data = None, as_json: Json = False
) -> None:
    """Show the lines of a camera."""
    drawings.list_drawn("line", camera, show, server, data, as_json=as_json)


@app.command()
def add(
    camera: Camera,
    name: NewName,
    points: Points,
    inwards: Inwards = None,
    outwards: Outwards = None,
    classes: Classes = None,
    enabled: Enabled = None,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Draw a line. `hsi cameras picture CAMERA FILE --drawings` shows it, and which way is in."""
    body = {
        "name": name,
        "points": points,
        "inwards": inwards,
        "outwards": outwards,
        "classes": classes,
        "enabled": enabled,
    }
    drawings.add_drawn("line", camera, body, server, data, as_json=as_json)


@app.command()
def change(
    camera: Camera,
    line: Name,
    name: OtherName = None,
    points: OtherPoints = None,
    inwards: Inwards = None,
    outwards: Outwards = None,
    classes: Classes = None,
    enabled: Enabled = None,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Change what is given of a line; the rest stays."""
    body = {
        "name": name,
        "points": points,
        "inwards": inwards,
        "outwards": outwards,
        "classes": classes,
        "enabled": enabled,
    }
    drawings.change_drawn("line", camera, line, body, server, data, as_json=as_json)


@app.command()
def delete(
    camera: Camera, line: Name, server: Server = None, data: Data = None, as_json: Json = False
) -> None:
    """Delete a line."""
    drawings.delete_drawn("line", camera, line, server, data, as_json=as_json)


def show(found: list[Document]) -> None:
    """Print lines."""
    from backend.cli.tables import Column

    drawings.show_drawn(
        found,
        (Column("INWARDS"), Column("OUTWARDS"), Column("CLASSES")),
        lambda line: (line["inwards"], line["outwards"], drawings.classes_of(line)),
    )
