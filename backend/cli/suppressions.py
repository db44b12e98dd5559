"""`hsi suppressions`: what is never a person, or whatever it is taken for."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from backend.cli.cameras import Camera
from backend.cli.client import Api, Data, Document, Json, Server

if TYPE_CHECKING:
    from backend.cli.tables import Cell

app = typer.Typer(
    help="Show what was said never to count at a camera; say it, try it before, take it back.",
    no_args_is_help=True,
)

Detection = Annotated[
    int | None,
    typer.Option("--detection", metavar="ID", min=1, help="What is shown by this detection."),
]
Track = Annotated[
    int | None, typer.Option("--track", metavar="ID", min=1, help="Or what this track is of.")
]


@app.command("list")
def list_suppressions(
    camera: Camera,
    state: Annotated[
        Literal["active", "ended", "undone", "all"], typer.Option(help="What became of them.")
    ] = "active",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 50,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show the suppressions of a camera, the newest first."""
    from backend.cli.client import api, print_json

    wanted = {"state": None if state == "all" else state}
    with api(server, data) as opened:
        found = opened.listed(path_of(opened, camera), wanted, limit=limit)
    if as_json:
        print_json(found)
    else:
        show_list(found)


@app.command()
def add(
    camera: Camera,
    detection: Detection = None,
    track: Track = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=365, help="For so long. Default: 30.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="What it is.")] = None,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Hide what is of that class, in that place, and looks like that, for a while."""
    from backend.cli.client import api, print_json
    from backend.cli.tables import show_line
    from backend.cli.words import local_time

    body = {**pointed_at(detection, track), "days": days, "note": note}
    with api(server, data) as opened:
        made = opened.send("POST", path_of(opened, camera), body=body)
    if as_json:
        print_json(made)
        return
    looks = " that looks like it" if made["knows_look"] else ""
    show_line(
        f"suppression {made['id']}: no {made['class']}{looks} counts there "
        f"until {local_time(made['ends_at'])}"
    )


@app.command()
def preview(
    camera: Camera,
    detection: Detection = None,
    track: Track = None,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show about what `add` would have hidden of the last 7 days; nothing is changed."""
    from backend.cli.client import api, print_json

    body = pointed_at(detection, track)
    with api(server, data) as opened:
        found = opened.send("POST", f"{path_of(opened, camera)}/preview", body=body)
    if as_json:
        print_json(found)
    else:
        show_preview(found)


@app.command()
def undo(
    camera: Camera,
    number: Annotated[int, typer.Argument(metavar="ID", min=1)],
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Take a suppression back: its like counts again."""
    from backend.cli.client import api, print_json
    from backend.cli.tables import show_line
    from backend.cli.words import counted

    with api(server, data) as opened:
        undone = opened.send("DELETE", f"{path_of(opened, camera)}/{number}")
    if as_json:
        print_json(undone)
    else:
        hid = counted(undone["hidden"], "detection")
        show_line(f"suppression {number} is undone; it had hidden {hid}")


def path_of(opened: Api, camera: str) -> str:
    """Where a camera's suppressions are."""
    from backend.cli.cameras import camera_of

    return f"/api/cameras/{camera_of(opened, camera, deleted=False)['id']}/suppressions"


def pointed_at(detection: int | None, track: int | None) -> Document:
    """What is never what it seems, for the API. Raises Invalid unless it is one thing."""
    from backend.core.errors import Invalid

    if (detection is None) == (track is None):
        raise Invalid(
            "say either --detection ID (`hsi events show` has them) or --track ID",
            code="suppression.what",
        )
    return {"track_id": track} if detection is None else {"detection_id": detection}


def show_list(found: list[Document]) -> None:
    """Print suppressions, or that there are none."""
    from backend.cli.tables import Column, show_table

    if not found:
        typer.echo("no suppressions")
        return
    show_table(
        (
            Column("ID", whole=True, right=True),
            Column("STATE", whole=True),
            Column("CLASS", whole=True),
            Column("UNTIL", whole=True),
            Column("HIDDEN", whole=True, right=True),
            Column("LAST", whole=True),
            Column("WHERE (x, y, w, h)", whole=True),
            Column("NOTE"),
        ),
        map(_row, found),
    )


def show_preview(found: Document) -> None:
    """Print what a suppression would have hidden."""
    from backend.cli.tables import Column, Word, show_line, show_table
    from backend.cli.words import counted, local_time

    show_line(
        f"of {counted(found['looked_at'], 'detection')} since {local_time(found['since'])} it "
        f"would have hidden about {found['hidden']}, "
        f"in {counted(found['events_touched'], 'event')}; "
        f"{found['events_gone']} of these would not have been at all"
    )
    if not found["complete"]:
        show_line("there were more detections; the latest were looked at")
    if not found["events"]:
        return
    show_table(
        (
            Column("EVENT", whole=True, right=True),
            Column("BEGAN", whole=True),
            Column("LEVEL", whole=True),
            Column("HIDDEN", whole=True, right=True),
            Column("WHAT"),
        ),
        (
            (
                one["id"],
                local_time(one["first_at"]),
                Word(one["level"], f" {one['score']}"),
                f"{one['hidden']} of {one['detections']}",
                f"{one['summary']}{' (gone)' if one['gone'] else ''}",
            )
            for one in found["events"]
        ),
    )
    if missing := found["events_touched"] - len(found["events"]):
        show_line(f"and {counted(missing, 'event')} before")


def _row(one: Document) -> "tuple[Cell, ...]":
    from backend.cli.words import local_time, place

    return (
        one["id"],
        one["state"],
        one["class"],
        local_time(one["undone_at"] or one["ends_at"]),
        one["hidden"],
        local_time(one["hidden_at"]),
        place(one["box"]),
        one["note"],
    )
