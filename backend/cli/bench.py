"""`hsi bench`: what the product adds to work that nobody can avoid."""

from pathlib import Path
from typing import Annotated

import typer

from backend.cli.client import Data


def bench(
    figures: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="P1 | detector [MODEL]",
            help="Which figures; default: all. `detector` is P4 to P7, for these models: names of "
            "`hsi models list`, ONNX files, or folders of checkpoints; default: those that are "
            "here, else RT-DETRv2-S with random weights.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    rows: Annotated[
        int, typer.Option(min=1, help="Rows of the larger tables that P10 pages through.")
    ] = 100_000,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each comparison.")] = 7,
    pictures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="JPEGs that P4 and P5 look at. Default: drawn ones."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=256,
            help="Threads of P4 and P5, on each side. Default: all cores, as transformers' "
            "pipeline takes them. A worker has DETECTOR__THREADS, by default half of them.",
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Measure the product beside bare programs, and print the ratios.

    Servers and folders of its own; what is installed is not touched. All of it takes some minutes.
    """
    import os
    import subprocess
    import sys

    from backend.cli.project import project_root

    root = project_root()
    command = [
        *(sys.executable, "-P", "-m", "backend.tests.benchmarks.bench"),
        *(figures or ()),
        *("--rows", str(rows), "--rounds", str(rounds)),
        *(("--json",) if as_json else ()),
        *(() if pictures is None else ("--pictures", str(pictures))),
        *(() if threads is None else ("--threads", str(threads))),
        *(() if data is None else ("--data", str(data))),
    ]
    environment = os.environ | {"PYTHONPATH": str(root)}
    with subprocess.Popen(command, env=environment) as process:  # noqa: S603 - our own
        while True:
            try:
                raise typer.Exit(process.wait())
            except KeyboardInterrupt:  # it ends by itself: it has servers to stop
                continue
