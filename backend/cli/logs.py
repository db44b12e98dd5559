"""`hsi logs`."""

import time
from pathlib import Path
from typing import Annotated, Literal

import typer

_POLL_SECONDS = 0.3


def logs(
    process: Annotated[
        list[str] | None, typer.Option(help="Only this process: api, worker, … May be repeated.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is written from now.")
    ] = False,
    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        typer.Option(help="The least serious to show."),
    ] = "info",
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last.")] = 50,
    data: Annotated[Path | None, typer.Option(help="Data folder. Default: as `hsi up`.")] = None,
) -> None:
    """Show what the processes have logged, in the order of time."""
    import logging

    from backend.cli.log_files import Followed, is_at_least, last_entries, processes, when
    from backend.core.errors import NotFound
    from backend.core.log_lines import readable

    folder = _data_folder(data) / "logs"
    names = process or processes(folder)
    if not names or (process and not follow and not set(process) & set(processes(folder))):
        raise NotFound(f"{folder}: no such logs", code="logs.not_found")
    least = logging.getLevelNamesMapping()[level.upper()]
    followed = {name: Followed(folder, name) for name in names} if follow else {}
    for entry in last_entries(folder, names, least, lines):
        typer.echo(readable(entry))
    while followed:
        new = [entry for one in followed.values() for entry in one.new_entries()]
        for entry in sorted(new, key=when):
            if is_at_least(entry, least):
                typer.echo(readable(entry))
        if not process:
            for name in set(processes(folder)) - set(followed):
                followed[name] = Followed(folder, name, from_start=True)
        time.sleep(_POLL_SECONDS)


def _data_folder(data: Path | None) -> Path:
    if data:
        return data
    from backend.core.config import get_settings

    return get_settings().data
