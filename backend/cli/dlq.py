"""`hsi dlq`: dead letters."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from backend.cli.client import Api, Data, Document, Json, Query, Server

if TYPE_CHECKING:
    from backend.cli.tables import Cell

app = typer.Typer(
    help="Show work that was given up (dead letters), have it done again, or discard it.",
    no_args_is_help=True,
)

Number = Annotated[int | None, typer.Argument(metavar="ID", min=1, help="A dead letter's number.")]
All = Annotated[bool, typer.Option("--all", help="All that is dead.")]
Stage = Annotated[Literal["detection"] | None, typer.Option(help="Only what this stage gave up.")]
Camera = Annotated[str | None, typer.Option(help="Only this camera, by its short name.")]


@app.command("list")
def list_letters(
    state: Annotated[
        Literal["dead", "replayed", "discarded", "all"],
        typer.Option(help="What was decided of it."),
    ] = "dead",
    stage: Stage = None,
    camera: Camera = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 50,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show what was given up, and why; the last first."""
    from backend.cli.client import api, print_json

    wanted = {"state": None if state == "all" else state, "stage": stage, "camera": camera}
    with api(server, data) as opened:
        found = opened.listed("/api/dlq", wanted, limit=limit)
        dead = opened.get("/api/dlq/counts")["dead"]
    if as_json:
        print_json(found)
    else:
        show_list(found, dead)


@app.command()
def show(
    number: Annotated[int, typer.Argument(metavar="ID", min=1)],
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show one dead letter."""
    from backend.cli.client import api, print_json

    with api(server, data) as opened:
        letter = opened.get(f"/api/dlq/{number}")
    if as_json:
        print_json(letter)
    else:
        show_letter(letter)


@app.command()
def replay(
    number: Number = None,
    everything: All = False,
    stage: Stage = None,
    camera: Camera = None,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Have the work done again, from its first attempt: of one letter, or of --all."""
    from backend.cli.client import api

    one_or_all(number, everything=everything, narrowed=bool(stage or camera))
    with api(server, data) as opened:
        if number is not None:
            letter = opened.send("POST", f"/api/dlq/{number}/replay")
            _tell_one(letter, "waits again", as_json=as_json)
        else:
            many = decide_all(opened, "replay", {"stage": stage, "camera": camera})
            _tell_many(many, "replayed", as_json=as_json)


@app.command()
def discard(
    number: Number = None,
    everything: All = False,
    stage: Stage = None,
    camera: Camera = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Give work up for good: one letter, or --all. The pictures are kept."""
    from backend.cli.client import api

    one_or_all(number, everything=everything, narrowed=bool(stage or camera))
    with api(server, data) as opened:
        if number is not None:
            letter = opened.send("POST", f"/api/dlq/{number}/discard")
            _tell_one(letter, "is discarded", as_json=as_json)
            return
        if not yes:
            confirm(opened.get("/api/dlq/counts")["dead"], narrowed=bool(stage or camera))
        many = decide_all(opened, "discard", {"stage": stage, "camera": camera})
        _tell_many(many, "discarded", as_json=as_json)


def one_or_all(number: int | None, *, everything: bool, narrowed: bool) -> None:
    """Raise Invalid unless it is said which letters are meant, and only once."""
    from backend.core.errors import Invalid

    if everything == (number is not None) or (narrowed and not everything):
        raise Invalid(
            "say either a dead letter's number, or --all (and --stage or --camera only with it)",
            code="dlq.which",
        )


def decide_all(opened: Api, what: Literal["replay", "discard"], wanted: Query) -> int:
    """Replay or discard all that is dead now, in batches; how many letters."""
    return sum(_batches(opened, f"/api/dlq/{what}", wanted))


def _batches(opened: Api, path: str, wanted: Query) -> Iterator[int]:
    until: object = None
    while True:
        done = opened.send("POST", path, {**wanted, "until": until})
        yield done["letters"]
        if not done["more"]:
            return
        until = done["until"]


def confirm(dead: int, *, narrowed: bool) -> None:
    """Ask before much is discarded. Raises Conflict where the answer is not `discard`."""
    import sys

    from backend.cli.words import counted
    from backend.core.errors import Conflict

    some = "Some of " if narrowed else ""
    typer.echo(f"{some}{counted(dead, 'dead letter')} will be given up for good.", err=True)
    typer.echo("Type discard to do so: ", nl=False, err=True)
    typed = sys.stdin.readline()
    if not typed:
        typer.echo(err=True)
    if typed.strip() != "discard":
        raise Conflict("nothing was discarded (--yes discards without asking)", code="dlq.confirm")


def show_list(found: list[Document], dead: int) -> None:
    """Print letters, or that there are none; and how many are dead in all."""
    from backend.cli.tables import LONGEST_NAME, Column, show_table
    from backend.cli.words import counted

    if not found:
        typer.echo("no dead letters" if dead == 0 else f"none of {counted(dead, 'dead letter')}")
        return
    show_table(
        (
            Column("ID", whole=True, right=True),
            Column("LAST GIVEN UP", whole=True),
            Column("STATE", whole=True),
            Column("TRIES", whole=True, right=True),
            Column("STAGE", whole=True),
            Column("CAMERA"),
            Column("FILE", most=LONGEST_NAME),
            Column("WHY"),
        ),
        map(_row, found),
    )
    shown = sum(one["state"] == "dead" for one in found)
    if dead > shown:
        typer.echo(f"of {counted(dead, 'dead letter')} in all")


def show_letter(letter: Document) -> None:
    """Print one letter and all that is known of it."""
    from backend.cli.tables import show_fields, show_line
    from backend.cli.words import local_time

    decided = letter["decided_at"]
    show_line(f"dead letter {letter['id']}: {letter['state']}")
    show_fields(
        {
            "stage": letter["stage"],
            "why": letter["reason"],
            "attempts": letter["tries"],
            "replays": letter["replays"],
            "first": local_time(letter["first_at"]),
            "last": local_time(letter["last_at"]),
            "decided": local_time(decided) if decided else None,
            "camera": letter["camera"],
            "file": letter["path"],
            "taken": local_time(letter["captured_at"]),
            "frame": f"{letter['frame_id']}, {letter['frame_state']} "
            f"(`hsi frames trace {letter['frame_id']}`)",
        }
    )


def _row(letter: Document) -> "tuple[Cell, ...]":
    from backend.cli.words import local_time

    return (
        letter["id"],
        local_time(letter["last_at"]),
        letter["state"],
        letter["tries"],
        letter["stage"],
        letter["camera"],
        letter["path"],
        letter["reason"],
    )


def _tell_one(letter: Document, done: str, *, as_json: bool) -> None:
    from backend.cli.client import print_json
    from backend.cli.tables import show_line

    if as_json:
        print_json(letter)
        return
    show_line(f"dead letter {letter['id']} {done}: frame {letter['frame_id']}, {letter['path']}")


def _tell_many(letters: int, done: str, *, as_json: bool) -> None:
    from backend.cli.client import print_json
    from backend.cli.words import counted

    if as_json:
        print_json({"letters": letters})
    else:
        typer.echo(f"{done} {counted(letters, 'dead letter')}")
