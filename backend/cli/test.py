"""`hsi test`: the levels of tests, one after the other, and one line at the end."""

from typing import Annotated

import typer


def run_levels(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LEVEL",
            help="unit, integration, e2e, faults, gpu, benchmarks; default: all. "
            "What follows `--` goes to pytest: hsi test unit -- -k boxes",
        ),
    ] = None,
    long: Annotated[
        bool, typer.Option("--long", help="Run the tests that take minutes, and only those.")
    ] = False,
) -> None:
    """Run the tests, all or some levels.

    The last line says how many passed, failed and were skipped. Coverage is measured and judged
    only when everything runs.
    """
    import compileall
    import tempfile
    from pathlib import Path

    from backend.cli import coverage_gates
    from backend.cli.project import project_root
    from backend.cli.pytest_runs import Tally, levels_and_arguments, run, runs_of

    root = project_root()
    for part in ("backend", "ai"):  # where Python may not keep what it compiles: once for all
        compileall.compile_dir(root / part, quiet=2)
    levels, arguments = levels_and_arguments(words or [])
    judged = not (levels or arguments or long)
    total = Tally()
    with tempfile.TemporaryDirectory(prefix="hsi-test-") as folder:
        for one in runs_of(levels, root):
            total += run(
                one, root, Path(folder), long=long, measured=judged and one.covered, more=arguments
            )
        enough = coverage_gates.judge(root, Path(folder)) if judged else True
    typer.echo(str(total))
    raise typer.Exit(0 if enough and total.is_success else 1)
