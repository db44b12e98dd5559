"""`hsi frames`."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from backend.cli.client import Api, Data, Document, Json, Server
from backend.core.errors import NotFound

if TYPE_CHECKING:
    from backend.cli.tables import Cell

app = typer.Typer(help="Show frames, and what became of a picture.", no_args_is_help=True)


@app.command("list")
def list_frames(
    camera: Annotated[str | None, typer.Option(help="Only this camera, by its short name.")] = None,
    state: Annotated[
        Literal["received", "attached", "empty", "skipped", "quarantined", "buried"] | None,
        typer.Option(help="Only those in this state."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show the frames, the newest first, and what became of each."""
    from backend.cli.client import api, print_json

    with api(server, data) as opened:
        found = opened.listed("/api/frames", {"camera": camera, "state": state}, limit=limit)
    if as_json:
        print_json(found)
    else:
        show_list(found)


@app.command()
def trace(
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE|ID",
            help="A frame's number, or a picture's file: its path, or its path below the folder "
            "of all cameras. It need not be there any more.",
        ),
    ],
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say what became of a picture: when, for how long, and why."""
    from backend.cli.client import api, print_json

    with api(server, data) as opened:
        if what.isascii() and what.isdigit():
            found = opened.get(f"/api/frames/{what}/trace")
        else:
            from backend.cli.media_paths import places_of

            found = trace_of_file(opened, places_of(what, data))
    if as_json:
        print_json(found)
    else:
        show_trace(found)


@app.command()
def why(
    camera: Annotated[str, typer.Argument(metavar="CAMERA", help="Its short name, or its folder.")],
    time: Annotated[
        str,
        typer.Argument(
            metavar="TIME",
            help="When, on the camera's clock: 03:10 for the last time, or 2026-03-01T03:10.",
        ),
    ],
    window: Annotated[
        int, typer.Option(min=1, max=3600, help="Seconds before and after that are looked at.")
    ] = 120,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say why there was an event at a camera at some time, or why there was none."""
    from backend.cli.client import api, print_json

    with api(server, data) as opened:
        asked = {"camera": camera, "at": time, "window": window}
        found = opened.get("/api/frames/why", asked)
    if as_json:
        print_json(found)
    else:
        show_why(found)


@app.command()
def summary(
    camera: Annotated[str | None, typer.Option(help="Only this camera, by its short name.")] = None,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Count the frames by what became of them."""
    from backend.cli.client import api, print_json

    with api(server, data) as opened:
        found = opened.get("/api/frames/summary", {"camera": camera})
    if as_json:
        print_json(found)
    else:
        show_summary(found)


def trace_of_file(opened: Api, places: list[str]) -> Document:
    """What the API knows of the first of these paths that it knows."""
    for place in places[:-1]:
        try:
            return opened.get("/api/frames/trace", {"path": place})
        except NotFound:
            continue
    return opened.get("/api/frames/trace", {"path": places[-1]})


def show_list(found: list[Document]) -> None:
    """Print frames, or that there are none."""
    from backend.cli.tables import LONGEST_NAME, Column, show_table

    if not found:
        typer.echo("no frames")
        return
    show_table(
        (
            Column("ID", whole=True, right=True),
            Column("TAKEN", whole=True),
            Column("CAMERA"),
            Column("FILE", most=LONGEST_NAME),
            Column("STATE", whole=True),
            Column("WHY"),
        ),
        map(_row, found),
    )


def show_why(found: Document) -> None:
    """Print the answer, what decided, and the frames around."""
    from backend.cli.tables import show_line
    from backend.cli.words import local_time

    show_line(f"{found['camera']}, clock of {found['time_zone']}")
    show_line(found["sentence"])
    for reason in found["reasons"]:
        show_line(f"  {reason}")
    if found["frames"]:
        typer.echo()
        typer.echo(f"the pictures nearest to {local_time(found['at'])}, on this machine's clock:")
        show_list(found["frames"])


def show_summary(found: Document) -> None:
    """Print the counts; those that are estimated are said to be."""
    from backend.cli.tables import show_fields

    about = "" if found["exact"] else "about "
    typer.echo(f"{about}{found['total']} frames, {about}{found['final']} of them final")
    show_fields(
        {
            state: number if state == "received" else f"{about}{number}"
            for state, number in found["by_state"].items()
        }
    )


def show_trace(found: Document) -> None:
    """Print the trace of a frame, or of a file with all the frames that it has been."""
    from backend.cli.tables import show_line

    if "frames" not in found:
        _show_frame(found)
        return
    show_line(found["path"])
    show_line(f"  {found['sentence']}")
    if found["quarantine"]:
        _show_quarantine(found["quarantine"])
    for one in found["frames"]:
        typer.echo()
        _show_frame(one)


def _show_quarantine(one: Document) -> None:
    from backend.cli.quarantine import why
    from backend.cli.tables import show_fields
    from backend.cli.words import file_size, local_time

    typer.echo()
    typer.echo("in quarantine" if one["released_at"] is None else "was in quarantine")
    show_fields(
        {
            "since": local_time(one["first_seen_at"]),
            "looked at": local_time(one["last_seen_at"]),
            "size": file_size(one["size"]),
            "why": why(one),
        }
    )


def _show_frame(one: Document) -> None:
    from backend.cli.tables import Column, show_fields, show_line, show_table
    from backend.cli.words import file_size, local_time

    frame = one["frame"]
    remarks = frame["remarks"] or {}
    show_line(f"frame {frame['id']}: {one['sentence']}")
    clock = ", a suspect clock" if frame["clock_suspect"] else ""
    show_fields(
        {
            "camera": frame["camera"],
            "file": frame["path"],
            "picture": f"{frame['width']} x {frame['height']}, {file_size(frame['size'])}",
            "taken": f"{local_time(frame['captured_at'])} (by {_CLOCKS[frame['captured_from']]}"
            f"{clock})",
            "state": frame["state"],
            "why": frame["reason"],
            "detector": frame["detector"],
            "it says": remarks.get("detector"),
            "lane": one["lane"],
            "attempts": frame["attempts"],
            "event": _event(one["event"]),
            "dead letter": _letter(one["dead_letter"]),
        }
    )
    typer.echo()
    show_table(
        (
            Column("WHEN", whole=True),
            Column("AFTER", whole=True, right=True),
            Column("STEP", whole=True),
            Column("WHAT"),
        ),
        _steps(one["steps"]),
    )
    if one["detections"]:
        _show_detections(one["detections"])


_CLOCKS = {
    "exif": "the camera's note in it",
    "mtime": "the file's time",
    "received": "the time it came",
}


def _steps(steps: list[Document]) -> list[tuple[str, str, str, str]]:
    """Each step with how long after the one before it was; times to a millisecond."""
    from backend.cli.words import duration, local_time, seconds_between

    before = [None, *steps[:-1]]
    return [
        (
            local_time(step["at"], exact=True),
            duration(seconds_between(earlier["at"], step["at"])) if earlier else "",
            step["step"],
            step["what"],
        )
        for earlier, step in zip(before, steps, strict=True)
    ]


def _show_detections(detections: list[Document]) -> None:
    from backend.cli.tables import Column, show_table

    typer.echo()
    show_table(
        [Column("SEEN", whole=True), Column("SURE", whole=True, right=True)],
        [(one["class"], f"{one['confidence']:.0%}") for one in detections],
    )


def _letter(letter: Document | None) -> str | None:
    if letter is None:
        return None
    from backend.cli.words import counted

    return (
        f"{letter['id']}, {letter['state']}, {counted(letter['tries'], 'attempt')} given up "
        f"(`hsi dlq show {letter['id']}`)"
    )


def _event(event: Document | None) -> str | None:
    if event is None:
        return None
    return (
        f"{event['id']}, {event['level']} {event['score']}: {event['summary']} "
        f"(`hsi events show {event['id']}`)"
    )


def _row(frame: Document) -> "tuple[Cell, ...]":
    from backend.cli.words import local_time

    taken = local_time(frame["captured_at"])
    return frame["id"], taken, frame["camera"], frame["path"], frame["state"], _why(frame)


def _why(frame: Document) -> str | None:
    if frame["event_id"] is not None:
        return f"event {frame['event_id']}"
    said: str | None = frame["reason"] or (frame["remarks"] or {}).get("detector")
    return said
