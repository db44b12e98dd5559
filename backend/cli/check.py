"""`hsi check`: everything about the code that can be judged without running it."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

Step = Callable[[Path], str]
"""Judges the project in this folder; gives what is wrong, or nothing."""


def check(
    fix: Annotated[
        bool, typer.Option("--fix", help="First format, repair what can be, and write the pages.")
    ] = False,
) -> None:
    """Judge the code without running it.

    Format, lint, types, import contracts, documentation, lock files, shell scripts.
    """
    from backend.cli.project import project_root

    root = project_root()
    if fix:
        _repair(root)
    failed = False
    for name, step in steps().items():
        wrong = step(root).strip()
        typer.echo(f"{name}: {'failed' if wrong else 'ok'}")
        if wrong:
            typer.echo(wrong)
            failed = True
    raise typer.Exit(1 if failed else 0)


def steps() -> dict[str, Step]:
    """The steps by their names, in order."""
    from backend.cli.locks import lock_problems

    return {
        "format": lambda root: output_of_failure(root, "ruff", "format", "--check", "."),
        "lint": lambda root: output_of_failure(root, "ruff", "check", "."),
        "types": lambda root: output_of_failure(root, "mypy"),
        "imports": lambda root: output_of_failure(root, "lint-imports"),
        "documentation": _stale,
        "lock files": lambda root: "\n".join(lock_problems(root)),
        "shell scripts": _shell,
    }


def output_of_failure(root: Path, program: str, *arguments: str) -> str:
    """What a program of this environment, or `sh`, says when it fails; nothing when it succeeds."""
    import subprocess
    import sys

    beside = Path(sys.executable).parent / program
    command = [str(beside) if beside.is_file() else program, *arguments]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 - programs named here
    except FileNotFoundError:
        return f"{program} is not installed; the lock requirements/dev.lock has it"
    if done.returncode == 0:
        return ""
    return done.stdout + done.stderr or f"{program}: status {done.returncode}"


def shell_scripts(root: Path) -> list[Path]:
    """The shell scripts of the project: what says so in its first line."""
    folders = (".", ".ci", "deploy", "backend/tests")
    files = (path for folder in folders for path in sorted((root / folder).glob("*")))
    return [path for path in files if path.is_file() and _is_shell(path)]


def _is_shell(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline(64).rstrip() in {b"#!/bin/sh", b"#!/usr/bin/env sh"}


def _shell(root: Path) -> str:
    return "".join(output_of_failure(root, "sh", "-n", str(path)) for path in shell_scripts(root))


def _stale(root: Path) -> str:
    from backend.cli.reference import pages, stale_pages

    stale = stale_pages(root, pages())
    return "".join(f"{path} is not up to date; run: ./hsi reference\n" for path in stale)


def _repair(root: Path) -> None:
    from backend.cli.reference import reference

    output_of_failure(root, "ruff", "check", "--fix-only", ".")
    output_of_failure(root, "ruff", "format", ".")
    reference(check=False)
