"""`hsi`: the command line.

A command is one small file. It imports what it needs when it runs, so that `hsi --help` is quick.
"""

import platform
import sys

import typer

from backend.cli import (
    bench,
    cameras,
    check,
    dlq,
    events,
    frames,
    fsck,
    lines,
    logs,
    masks,
    models,
    quarantine,
    reference,
    scene,
    status,
    suppressions,
    test,
    up,
    worker,
    zones,
)
from backend.cli.usage import Commands
from backend.core.errors import HsiError, Invalid

app = typer.Typer(
    cls=Commands,
    name="hsi",
    help="Home Security Intelligence: camera pictures in, explained and risk-scored events out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # the rich help takes as long to load as all the rest
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(up.up)
app.command("status")(status.status)
app.add_typer(events.app, name="events")
app.add_typer(cameras.app, name="cameras")
app.add_typer(zones.app, name="zones")
app.add_typer(lines.app, name="lines")
app.add_typer(masks.app, name="masks")
app.command("scene")(scene.scene)
app.add_typer(suppressions.app, name="suppressions")
app.add_typer(frames.app, name="frames")
app.command("quarantine")(quarantine.quarantine)
app.add_typer(dlq.app, name="dlq")
app.add_typer(models.app, name="models")
app.command("fsck")(fsck.fsck)
app.command("worker")(worker.worker)
app.command("logs")(logs.logs)
app.command("test")(test.run_levels)
app.command("bench")(bench.bench)
app.command("check")(check.check)
app.command("reference")(reference.reference)


def main() -> None:
    """Run a command; an expected error is one line on stderr. Exits 2 for wrong input, else 1."""
    refusal = unsupported(sys.platform, platform.machine())
    if refusal:
        sys.exit(refusal)
    try:
        app(prog_name="hsi")
    except HsiError as error:
        print(f"hsi: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, Invalid) else 1)


def unsupported(system: str, machine: str) -> str | None:
    """Why the product cannot run on such a machine; None where it can."""
    if system == "linux" and machine in {"x86_64", "aarch64"}:
        return None
    return f"hsi: runs on Linux on x86-64 and arm64, not on {system} on {machine}"
