"""`python -m backend.demo` brings the pictures into the media root, then ends."""

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Annotated

import typer

from backend.core.clock import SystemClock
from backend.core.config import get_settings
from backend.core.errors import HsiError
from backend.demo.feed import feed


def main(
    media_root: Annotated[
        Path | None,
        typer.Option(help="Folder with one sub-folder for each camera; by default as set."),
    ] = None,
) -> None:
    """Bring the demo's pictures in as cameras would; Ctrl-C or SIGTERM stops it."""
    try:
        asyncio.run(_feed_until_stopped(media_root or get_settings().media_root))
    except HsiError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


async def _feed_until_stopped(media_root: Path) -> None:
    feeding = asyncio.create_task(feed(media_root, SystemClock(), typer.echo))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, feeding.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await feeding


if __name__ == "__main__":
    typer.run(main)
