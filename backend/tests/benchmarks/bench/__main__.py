"""Measures the figures of the product beside bare programs that do the same work.

    ./hsi bench [P1 P3 …] [--json] [--rows 1000000] [--rounds 7]
    ./hsi bench detector [MODEL …] [--data DIR] [--pictures DIR] [--threads N]

Servers of its own, in a folder that is removed afterwards; nothing that is installed is touched.
"""

import argparse
import asyncio
import dataclasses
import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import structlog

from backend.cli.models import folder_of, settings_of
from backend.cli.tables import Column, show_table
from backend.core.errors import HsiError
from backend.local.postgres import EmbeddedPostgres
from backend.local.up import ended_by_signals
from backend.local.valkey import EmbeddedValkey
from backend.migrations.run import upgrade
from backend.tests.benchmarks.bench.detector.pictures import jpegs_in
from backend.tests.benchmarks.bench.detector.subjects import models_of
from backend.tests.benchmarks.bench.figures import (
    DETECTOR,
    Figure,
    figures_named,
    in_order,
    measured,
    together,
)
from backend.tests.benchmarks.bench.place import Bench
from backend.tests.benchmarks.bench.processes import cores
from backend.tests.benchmarks.bench.rows import Row

_NOTHING = "-"


def main(arguments: Sequence[str] | None = None) -> None:
    """Start servers, measure, print."""
    parser = argparse.ArgumentParser(prog="hsi bench", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "figures", nargs="*", metavar="P1", help="which ones; all by default; or: detector, models"
    )
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--rows", type=int, default=100_000, help="rows of P10's larger tables")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each comparison")
    parser.add_argument("--data", type=Path, help="data folder whose models P4 and P5 measure")
    parser.add_argument("--pictures", type=Path, help="folder of JPEGs for P4 and P5")
    parser.add_argument("--threads", type=int, default=cores(), help="of P4 and P5, on each side")
    asked = parser.parse_args(arguments)
    names, models = _figures_and_models(asked.figures)
    try:
        figures = figures_named(names)
        paths = models_of(models, folder_of(settings_of(asked.data)))
        if asked.pictures is not None:  # now, and not once others were measured
            jpegs_in(asked.pictures)
    except (ValueError, HsiError) as error:
        parser.error(str(error))
    if min(asked.rounds, asked.rows, asked.threads) < 1:
        parser.error("--rounds, --rows and --threads are at least 1")
    # What the stages log is none of the figures, and standard output is for the table.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    rows: list[Row] = []
    work = partial(
        Bench,
        rounds=asked.rounds,
        rows=asked.rows,
        models=paths,
        pictures=asked.pictures,
        threads=asked.threads,
    )
    with ended_by_signals(), tempfile.TemporaryDirectory(prefix="hsi-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # the database server of root is another user
        try:
            _measure(figures, folder, rows, work)
        except HsiError as error:
            raise SystemExit(f"hsi: {error}") from error
        finally:  # also what was measured before an error, or Ctrl-C
            _print(in_order(rows), as_json=asked.json)


def _figures_and_models(asked: list[str]) -> tuple[list[str], list[str]]:
    """The ids of the figures; and the models, which follow `detector`."""
    if asked[:1] == ["detector"]:
        return list(DETECTOR), asked[1:]
    return [name.upper() for name in asked], []


def _measure(
    figures: list[Figure], folder: Path, rows: list[Row], work: Callable[..., Bench]
) -> None:
    """Add the figures' rows, as they come."""
    if not any(figure.by for figure in figures):
        rows += [figure.missing_row for figure in figures]
        return
    _tell("starting PostgreSQL and Valkey")
    postgres, valkey = EmbeddedPostgres(folder / "postgres"), EmbeddedValkey(folder / "valkey")
    try:
        server_url, redis_url = postgres.start(), valkey.start()
        upgrade(server_url)
        bench = work(server_url, "hsi", redis_url, folder)
        for group in together(figures):
            rows += asyncio.run(_told(group, bench))
    finally:
        valkey.stop()
        postgres.stop()


async def _told(group: list[Figure], bench: Bench) -> list[Row]:
    """Measure, and say what is being done."""
    name = " ".join(figure.id for figure in group)
    bench = dataclasses.replace(bench, say=lambda line: _progress(f"{name}: {line}"))
    started = time.monotonic()
    rows = await measured(group, bench)
    if group[0].by:
        _tell(f"{name}: {group[0].about}, {time.monotonic() - started:.0f} s")
    return rows


def _print(rows: list[Row], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps([row.as_json() for row in rows], indent=2) + "\n")
        return
    if any(row.pace for row in rows):
        _print_paces(rows)
    columns = [
        Column("", whole=True),
        Column("measured"),
        Column("beside"),
        *(Column(name, whole=True, right=True) for name in ("ratio", "low", "high")),
        *(Column(name, whole=True) for name in ("unit", "goal", "met")),
        Column("note"),
    ]
    show_table(columns, [_cells(row) for row in rows])


def _print_paces(rows: list[Row]) -> None:
    """By model and runtime, how many pictures a second."""
    numbers = ("pictures/s", "compared", "ratio", "low", "high")
    columns = [
        *(Column(name, whole=True) for name in ("", "model", "runtime")),
        *(Column(name, whole=True, right=True) for name in numbers),
    ]
    cells = []
    for row in rows:
        if row.pace is not None:
            values = (row.pace.ours, row.pace.compared, row.ratio, row.low, row.high)
            figures = [f"{value:.3g}" for value in values if value is not None]
            cells.append([row.id, row.pace.model, row.pace.runtime, *figures])
    show_table(columns, cells)
    sys.stdout.write("\n")


def _cells(row: Row) -> list[str]:
    met = {True: "yes", False: "NO", None: _NOTHING}[row.is_met]
    figures = [_NOTHING if v is None else f"{v:.3g}" for v in (row.ratio, row.low, row.high)]
    if row.ratio is None:
        return [row.id, row.measured, row.compared, *figures, _NOTHING, _NOTHING, met, row.note]
    goal = _NOTHING if row.goal is None else str(row.goal)
    return [row.id, row.measured, row.compared, *figures, row.unit, goal, met, row.note]


def _progress(line: str) -> None:
    """What is being done: the last line of a terminal; nothing in a file."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()


def _tell(line: str) -> None:
    begin = "\r\x1b[K" if sys.stderr.isatty() else ""
    sys.stderr.write(f"{begin}{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
