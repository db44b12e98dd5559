"""Tables and lines: as wide as the terminal; in a pipe, as wide as they need and without colours.

What they show comes from the world, from file names for instance, and is shown escaped.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from backend.cli.words import NOTHING
from backend.core.log_lines import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

LONGEST_NAME = 60
"""Characters of a file's name in a table, where one long name would widen all rows."""

_UNBOUNDED = 10_000  # columns: wider than any line of ours

_COLOURS = {
    "low": "green",
    "medium": "yellow",
    "high": "red",
    "critical": "bold red",
    "healthy": "green",
    "degraded": "yellow",
    "unhealthy": "bold red",
}


@dataclass(frozen=True, slots=True)
class Word:
    """A level or a state, in the colour that it has, beside being said."""

    name: str
    more: str = ""
    """Our own words after it, such as the score."""


Cell = str | int | Word | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; a `whole` one is not broken into lines where the terminal is narrow."""

    title: str
    whole: bool = False
    right: bool = False
    most: int | None = None
    """Characters of a cell; a longer one is shortened in its middle."""


def show_table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> None:
    """Print rows under their titles."""
    table = _table(show_header=True)
    for column in columns:
        table.add_column(
            column.title,
            no_wrap=column.whole,
            justify="right" if column.right else "left",
            overflow="fold",
        )
    for row in rows:
        cells = zip(columns, row, strict=True)
        table.add_row(*(_shortened(_text(cell), column.most) for column, cell in cells))
    _print(table)


def show_fields(fields: Mapping[str, Cell]) -> None:
    """Print one thing: a line for each of its fields that has a value."""
    table = _table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields.items():
        if value is not None:
            table.add_row(f"  {name}", _text(value))
    _print(table)


def show_line(*cells: Cell) -> None:
    """Print one line, at once, that the terminal may wrap and nobody cuts."""
    from rich.text import Text

    _print(Text("  ").join(map(_text, cells)), is_line=True)
    sys.stdout.flush()


def _table(*, show_header: bool) -> "Table":
    from rich.table import Table

    return Table(box=None, show_header=show_header, pad_edge=False, padding=(0, 2, 0, 0))


def _text(cell: Cell) -> "Text":
    from rich.text import Text

    if isinstance(cell, Word):
        return Text.assemble((printable(cell.name), _COLOURS.get(cell.name, "")), cell.more)
    return Text(NOTHING if cell is None or cell == "" else printable(str(cell)))


def _shortened(text: "Text", most: int | None) -> "Text":
    if most is None or len(text) <= most:
        return text
    head = (most - 1) // 2
    return text[:head] + "…" + text[len(text) - (most - 1 - head) :]


def _print(what: "RenderableType", *, is_line: bool = False) -> None:
    from rich.console import Console

    console = Console(
        file=sys.stdout,
        width=None if sys.stdout.isatty() else _UNBOUNDED,
        highlight=False,
        markup=False,
        emoji=False,
    )
    with console.capture() as captured:
        console.print(what, soft_wrap=is_line)
    for line in captured.get().removesuffix("\n").split("\n"):
        typer.echo(line.rstrip())
