"""`hsi worker`."""

from typing import Annotated

import typer


def worker(
    name: Annotated[
        str | None, typer.Option(help="A name that no other running worker has.")
    ] = None,
) -> None:
    """Run the pipeline alone, without the API.

    From pictures to detections, events and assessments. `hsi up` runs one already; this is for a
    further process or machine. It needs DATABASE_URL and REDIS_URL, and the same data folder.
    """
    import os
    import sys

    # The entry points do not import each other: this process becomes the other one.
    named = ["--name", name] if name else []
    os.execv(sys.executable, [sys.executable, "-m", "backend.worker", *named])  # noqa: S606
