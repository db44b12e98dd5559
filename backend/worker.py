"""The pipeline process: from files to judged events."""

from backend.core import garbage

if __name__ == "__main__":
    garbage.pause()

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

from backend.core.config import Settings, get_settings
from backend.core.errors import HsiError
from backend.core.logging import configure_logging
from backend.wiring import fitness_of, folders, run_pipeline, services


async def work(settings: Settings, *, worker: str, ready: Path | None = None) -> None:
    """Run the pipeline until SIGINT or SIGTERM, then end what was begun.

    The file `ready` is made once it has started. Raises `Conflict` or `Invalid` once a server is
    unfit to work with, as at the start: whoever runs us starts us again.
    """

    def say_so() -> None:
        if ready is not None:
            ready.touch()

    async with services(settings) as (database, redis):
        fitness = fitness_of(database, redis)
        pipeline = asyncio.ensure_future(
            fitness.during(
                lambda: run_pipeline(settings, database, redis, worker=worker, ready=say_so)
            )
        )
        asked = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, asked.set)
        asking = asyncio.ensure_future(asked.wait())
        await asyncio.wait({pipeline, asking}, return_when=asyncio.FIRST_COMPLETED)
        # Cancelled once, however often it is asked: a second time would cut short the tidying up.
        asking.cancel()
        pipeline.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pipeline


def main(name: str | None = None, ready: Path | None = None) -> None:
    """Run a worker under a name that no other running worker has.

    What an earlier process of that name left open, it ends at once; without a name of its own, that
    has to wait until the leases of the earlier one have run out.
    """
    garbage.resume()
    try:
        settings = get_settings()
        configure_logging(
            "worker",
            folders(settings).logs,
            level=settings.logs.level,
            keep_days=settings.logs.keep_days,
        )
        os.umask(0o077)  # pictures are nobody else's on this machine
        worker = name or f"{socket.gethostname()}:{os.getpid()}"
        asyncio.run(work(settings, worker=worker, ready=ready))
    except HsiError as error:
        sys.exit(f"hsi worker: {error}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m backend.worker", description=__doc__)
    parser.add_argument("--name", help="a name that no other running worker has")
    parser.add_argument("--ready", type=Path, help="a file to be made once it has started")
    arguments = parser.parse_args()
    main(arguments.name, arguments.ready)
