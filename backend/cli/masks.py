"""`hsi masks`."""

import typer

from backend.cli import drawings
from backend.cli.cameras import Camera
from backend.cli.client import Data, Document, Json, Server
from backend.cli.drawings import Enabled, Name, NewName, OtherName, OtherPoints, Points

app = typer.Typer(
    help="Show the privacy masks of a camera's picture, or draw, change and delete one.",
    no_args_is_help=True,
)


@app.command("list")
def list_masks(
    camera: Camera, server: Server = None, data: Data = None, as_json: Json = False
) -> None:
    """Show the masks of a camera."""
    drawings.list_drawn("mask", camera, show, server, data, as_json=as_json)


@app.command()
def add(
    camera: Camera,
    name: NewName,
    points: Points,
    enabled: Enabled = None,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Draw a mask: what it covers is black in every picture that is shown, older ones too."""
    body = {"name": name, "points": points, "enabled": enabled}
    drawings.add_drawn("mask", camera, body, server, data, as_json=as_json)


@app.command()
def change(
    camera: Camera,
    mask: Name,
    name: OtherName = None,
    points: OtherPoints = None,
    enabled: Enabled = None,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Change what is given of a mask; the rest stays. Off, it hides nothing."""
    body = {"name": name, "points": points, "enabled": enabled}
    drawings.change_drawn("mask", camera, mask, body, server, data, as_json=as_json)


@app.command()
def delete(
    camera: Camera, mask: Name, server: Server = None, data: Data = None, as_json: Json = False
) -> None:
    """Delete a mask: what it covered is shown again, in older pictures too."""
    drawings.delete_drawn("mask", camera, mask, server, data, as_json=as_json)


def show(found: list[Document]) -> None:
    """Print masks."""
    drawings.show_drawn(found, (), lambda _: ())
