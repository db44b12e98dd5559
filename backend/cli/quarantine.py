"""`hsi quarantine`."""

from typing import Annotated

import typer

from backend.cli.client import Data, Document, Json, Server


def quarantine(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 50,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show the files that cannot be frames as they are, and why.

    Such a file stays where it is, and is looked at again when it changes.
    """
    from backend.cli.client import api, print_json

    with api(server, data) as opened:
        files = opened.listed("/api/quarantine", limit=limit)
    if as_json:
        print_json(files)
    else:
        show(files)


def show(files: list[Document]) -> None:
    """Print them, or that there are none."""
    from backend.cli.tables import LONGEST_NAME, Column, show_table
    from backend.cli.words import file_size, local_time

    if not files:
        typer.echo("no file is in quarantine")
        return
    show_table(
        (
            Column("SINCE", whole=True),
            Column("FILE", most=LONGEST_NAME),
            Column("SIZE", whole=True, right=True),
            Column("WHY"),
        ),
        [
            (local_time(one["first_seen_at"]), one["path"], file_size(one["size"]), why(one))
            for one in files
        ],
    )


def why(one: Document) -> str:
    """The reason; and since when it no longer holds, where the file has become a frame."""
    from backend.cli.words import local_time

    if one["released_at"] is None:
        return str(one["reason"])
    return f"{one['reason']} (until {local_time(one['released_at'])}: a frame since)"
