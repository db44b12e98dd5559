"""What the things of an event did, for `hsi events show`."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import typer

from backend.cli.client import Document

if TYPE_CHECKING:
    from backend.cli.tables import Cell

_TOLD_ANYWAY = "movement"
"""The enricher whose news the way of a track is."""


def show_tracks(told: Document, enriched: Document) -> None:
    """Print a line for each thing: when it was there, whither it went, through what, its looks."""
    from backend.cli.tables import Column, show_table

    if not told["tracks"]:
        return
    given = {one["track_id"]: one["enrichment"] for one in enriched["tracks"]}
    typer.echo()
    show_table(
        (
            Column("TRACK", whole=True, right=True),
            Column("CLASS", whole=True),
            Column("FIRST SEEN", whole=True),
            Column("FOR", whole=True, right=True),
            Column("WENT"),
            Column("ZONES"),
            Column("LINES"),
            Column("LOOKS"),
        ),
        (_row(one, given.get(one["track_id"], {})) for one in told["tracks"]),
    )
    if not told["complete"]:
        typer.echo(f"told from the newest {told['detections']} detections; there are more")


def _row(track: Document, given: Document) -> "tuple[Cell, ...]":
    from backend.cli.words import duration, local_time

    return (
        track["track_id"],
        track["class"],
        local_time(track["first_at"]),
        duration(track["dwell"]),
        ", ".join(_went(track)),
        ", ".join(_stay(one) for one in track["zones"]),
        ", ".join(f"{one['line']} {one['direction']} ({one['words']})" for one in track["lines"]),
        ", ".join(_looks(given)),
    )


def _went(track: Document) -> Iterator[str]:
    from backend.cli.words import duration

    if track["direction"]:
        yield track["direction"]
    if track["speed"]:
        yield f"{track['speed']:g} boxes/s"
    if track["still"]:
        yield f"stood {duration(track['still'])}"
    for what in ("arrived", "departed"):
        if track[f"{what}_at"]:
            yield what


def _stay(one: Document) -> str:
    from backend.cli.words import duration

    came = "entered, " if one["came_in"] else ""
    return f"{one['zone']} ({came}{duration(one['seconds'])})"


def _looks(given: Document) -> Iterator[str]:
    """What enrichers gave: shares as percents, words with their counts, numbers by their names."""
    for source, members in given.items():
        if source == _TOLD_ANYWAY:
            continue
        for name, value in members.items():
            if isinstance(value, Mapping):
                yield from (_counted(word, number) for word, number in value.items())
            else:
                yield f"{name} {value:g}"


def _counted(word: str, number: int | float) -> str:
    from backend.cli.words import percent

    return f"{word} {percent(number)}" if isinstance(number, float) else f"{word} {number}x"
