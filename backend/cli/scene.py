"""`hsi scene`: what stands in a camera's picture and is no news."""

from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.cameras import Camera
from backend.cli.client import Api, Data, Document, Json, Server

if TYPE_CHECKING:
    from backend.cli.tables import Cell

_NONE = {
    "scene": "nothing belongs to the scene",
    "left": "nothing that left is remembered",
    "watched": "nothing is watched",
}


def scene(
    camera: Camera,
    left: Annotated[
        bool, typer.Option("--left", help="What belonged to it, has left, and is remembered.")
    ] = False,
    watched: Annotated[
        bool, typer.Option("--watched", help="What was said to be no scene.")
    ] = False,
    not_scene: Annotated[
        int | None,
        typer.Option(metavar="TRACK", min=1, help="Say that this is not scene, but news."),
    ] = None,
    take_back: Annotated[
        int | None, typer.Option(metavar="TRACK", min=1, help="Take that back.")
    ] = None,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show what belongs to a camera's scene, or say what of it does not."""
    from backend.cli.cameras import camera_of
    from backend.cli.client import api

    refuse_several(left=left, watched=watched, not_scene=not_scene, take_back=take_back)
    with api(server, data) as opened:
        found = camera_of(opened, camera, deleted=False)
        path = f"/api/cameras/{found['id']}/scene"
        if not_scene is not None:
            tell(opened.send("POST", f"{path}/{not_scene}/watch"), as_json=as_json)
        elif take_back is not None:
            tell(opened.send("DELETE", f"{path}/{take_back}/watch"), as_json=as_json)
        else:
            state = "left" if left else "watched" if watched else "scene"
            show(things(opened, path, state), state, as_json=as_json)


def refuse_several(**options: object) -> None:
    """Raise Invalid where more than one of these is given."""
    from backend.core.errors import Invalid

    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if len(given) > 1:
        raise Invalid(f"{', '.join(given)}: say one of them", code="option.several")


def things(opened: Api, path: str, state: str) -> list[Document]:
    """All that is in that state; they are few."""
    import sys

    return opened.listed(path, {"state": state}, limit=sys.maxsize)


def show(found: list[Document], state: str, *, as_json: bool = False) -> None:
    """Print things of a scene, or that there are none."""
    from backend.cli.client import print_json
    from backend.cli.tables import Column, show_table

    if as_json:
        print_json(found)
        return
    if not found:
        typer.echo(_NONE[state])
        return
    show_table(
        (
            Column("TRACK", whole=True, right=True),
            Column("CLASS", whole=True),
            Column("STANDS SINCE", whole=True),
            Column("LAST SEEN", whole=True),
            Column("SEEN", whole=True, right=True),
            Column("WHERE (x, y, w, h)", whole=True),
            Column("NOTE"),
        ),
        map(_row, found),
    )


def tell(thing: Document, *, as_json: bool) -> None:
    """Print what was decided of a thing."""
    from backend.cli.client import print_json
    from backend.cli.tables import show_line

    if as_json:
        print_json(thing)
    elif thing["watched"]:
        show_line(f"track {thing['track_id']} ({thing['class']}) is not scene: it is news from now")
    else:
        show_line(f"track {thing['track_id']} ({thing['class']}) may become scene again")


def _row(thing: Document) -> "tuple[Cell, ...]":
    from backend.cli.words import local_time, place

    return (
        thing["track_id"],
        thing["class"],
        local_time(thing["stands_since"]),
        local_time(thing["last_at"]),
        thing["sightings"],
        place(thing["box"]),
        "watched" if thing["watched"] else "",
    )
