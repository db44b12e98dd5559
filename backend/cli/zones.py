"""`hsi zones`."""

from typing import Annotated, Literal

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
    help="Show the zones of a camera's picture, or draw, change and delete one.",
    no_args_is_help=True,
)

Type = Annotated[
    Literal["entry_point", "driveway", "sidewalk", "yard", "other"] | None,
    typer.Option("--type", help="What it is for those who live there."),
]
Weight = Annotated[int | None, typer.Option(help="Points for the score, -50 to 50.")]
Priority = Annotated[
    int | None, typer.Option(help="0 to 100: where zones overlap, the highest counts.")
]
Hours = Annotated[
    str | None,
    typer.Option(help="When it counts, like 22:00-06:00 or 'mon-fri 08:00-17:00'; or always."),
]
Share = Annotated[
    str | None,
    typer.Option(help="How much of a box must lie in it, like 0.5; or foot: its foot point."),
]
Colour = Annotated[str | None, typer.Option(help="In which it is drawn, like '#3498db'.")]


@app.command("list")
def list_zones(
    camera: Camera, server: Server = None, data: Data = None, as_json: Json = False
) -> None:
    """Show the zones of a camera."""
    drawings.list_drawn("zone", camera, show, server, data, as_json=as_json)


@app.command()
def add(
    camera: Camera,
    name: NewName,
    points: Points,
    kind: Type = None,
    weight: Weight = None,
    classes: Classes = None,
    hours: Hours = None,
    share: Share = None,
    priority: Priority = None,
    colour: Colour = None,
    enabled: Enabled = None,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Draw a zone. `hsi cameras picture CAMERA FILE --drawings` shows it."""
    body = {
        "name": name,
        "points": points,
        "type": kind,
        "weight": weight,
        "classes": classes,
        "hours": hours,
        "share": share,
        "priority": priority,
        "colour": colour,
        "enabled": enabled,
    }
    drawings.add_drawn("zone", camera, body, server, data, as_json=as_json)


@app.command()
def change(
    camera: Camera,
    zone: Name,
    name: OtherName = None,
    points: OtherPoints = None,
    kind: Type = None,
    weight: Weight = None,
    classes: Classes = None,
    hours: Hours = None,
    share: Share = None,
    priority: Priority = None,
    colour: Colour = None,
    enabled: Enabled = None,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Change what is given of a zone; the rest stays."""
    body = {
        "name": name,
        "points": points,
        "type": kind,
        "weight": weight,
        "classes": classes,
        "hours": hours,
        "share": share,
        "priority": priority,
        "colour": colour,
        "enabled": enabled,
    }
    drawings.change_drawn("zone", camera, zone, body, server, data, as_json=as_json)


@app.command()
def delete(
    camera: Camera, zone: Name, server: Server = None, data: Data = None, as_json: Json = False
) -> None:
    """Delete a zone."""
    drawings.delete_drawn("zone", camera, zone, server, data, as_json=as_json)


def show(found: list[Document]) -> None:
    """Print zones."""
    from backend.cli.tables import Column

    drawings.show_drawn(
        found,
        (
            Column("TYPE", whole=True),
            Column("WEIGHT", whole=True, right=True),
            Column("CLASSES"),
            Column("HOURS"),
            Column("BY"),
        ),
        lambda zone: (
            zone["type"],
            f"{zone['weight']:+d}" if zone["weight"] else "0",
            drawings.classes_of(zone),
            zone["hours"] or "always",
            "foot" if zone["share"] is None else f"{zone['share']:.0%} of the box",
        ),
    )
