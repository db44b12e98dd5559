"""Whether every Python file and shell script of the project can be parsed; nothing is run.

`python backend/tests/check_syntax.py` looks at what git has or would add, prints a line for each
fault, and ends with status 1 where there is one. The first hook before a commit.
"""

import subprocess
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path

PROJECT = Path(__file__).parents[2]
_SHELLS = (b"#!/bin/sh", b"#!/usr/bin/env sh")


def listed(root: Path) -> list[Path]:
    """The files that git has, and the new ones that it does not ignore."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    names = sorted({name for name in done.stdout.split("\0") if name})
    return [root / name for name in names if (root / name).is_file()]


def faults(files: Iterable[Path]) -> list[str]:
    """A line for each file that is Python or shell and cannot be parsed."""
    found = []
    for path in files:
        if path.suffix in {".py", ".pyi"}:
            found += python_faults(path)
        elif path.suffix == ".sh" or _is_shell(path):
            found += shell_faults(path)
    return found


def python_faults(path: Path) -> list[str]:
    """Why a Python file cannot be compiled; what only draws a warning, such as `"\\d"`, counts."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except SyntaxError as error:
            return [f"{path}:{error.lineno}: {error.msg}"]
        except (ValueError, SyntaxWarning, DeprecationWarning) as error:
            return [f"{path}: {error}"]
    return []


def shell_faults(path: Path) -> list[str]:
    """Why `sh` cannot parse a script."""
    done = subprocess.run(
        ["sh", "-n", str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    said = done.stdout.decode(errors="replace").strip()
    return [f"{path}: {said}"] if done.returncode else []


def _is_shell(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline(64).rstrip() in _SHELLS


def main() -> int:
    """Check the project; the exit status."""
    found = faults(listed(PROJECT))
    for line in found:
        print(line)  # noqa: T201 - that is what it is for
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
