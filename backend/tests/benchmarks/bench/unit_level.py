"""P24: the unit level beside as many empty tests, by the same command.

Both find their bytecode where an earlier run has left it, as they do for whoever runs the tests
again and again; some machines forbid Python to keep any, and would measure its compiler.
"""

import importlib.util
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from backend.tests.benchmarks.bench.place import PROJECT, Bench
from backend.tests.benchmarks.bench.rows import Goal, Row, ratios, row_of

_UNIT = "backend/tests/unit/"
_COMMAND = ("-n", "auto", "--dist=worksteal", "-q", "-p", "no:cacheprovider", "--tb=no")


async def measure(bench: Bench) -> list[Row]:
    """The time of both, and of the unit level for each 2,000 tests."""
    measured, compared = "the unit level, pytest -n auto", "as many empty tests"
    if importlib.util.find_spec("xdist") is None:
        note = "needs the development tools: ./hsi test unit installs them"
        return [Row("P24", measured, compared, note=note)]
    bytecode = bench.folder / "bytecode"
    _, tests, failed = _run(_UNIT, bytecode)
    files = len(list((PROJECT / _UNIT).rglob("test_*.py")))
    empty = bench.folder / "empty_tests"
    _write_empty(empty, tests=tests, files=files)
    _run(str(empty), bytecode)

    async def ours(_: int) -> float:
        return _run(_UNIT, bytecode)[0]

    async def floor(_: int) -> float:
        seconds, ran, wrong = _run(str(empty), bytecode)
        if (ran, wrong) != (tests, 0):
            raise AssertionError(f"{ran} of {tests} empty tests, {wrong} failed")
        return seconds

    took, empty_took = await bench.in_turns(ours, floor)
    note = f"{failed} of them failed" if failed else ""
    return [
        row_of(
            "P24",
            f"{tests:,} unit tests, pytest -n auto --dist=worksteal",
            f"as many empty tests in {files} files, the same command",
            ratios(took, empty_took),
            goal=Goal(most=3),
            note=note,
        ),
        row_of(
            "P24",
            "the unit level, for each 2,000 tests",
            "none",
            [seconds * 2000 / tests for seconds in took],
            unit="s",
            goal=Goal(most=10),
            note=note,
        ),
    ]


def _run(what: str, bytecode: Path) -> tuple[float, int, int]:
    """Seconds of the whole command, tests run, tests failed."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(bytecode)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [
        *(sys.executable, "-m", "pytest", what, *_COMMAND),
        *("-c", str(PROJECT / "pyproject.toml"), "--rootdir", str(PROJECT)),
    ]
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    last = done.stdout.strip().splitlines()[-1]
    found = {kind: int(number) for number, kind in re.findall(r"(\d+) (passed|failed|error)", last)}
    failed = found.get("failed", 0) + found.get("error", 0)
    return seconds, found.get("passed", 0) + failed, failed


def _write_empty(folder: Path, *, tests: int, files: int) -> None:
    folder.mkdir()
    for file in range(files):
        mine = range(file, tests, files)
        lines = (f"def test_{i}() -> None:\n    pass\n" for i in mine)
        (folder / f"test_{file}.py").write_text("\n\n".join(lines), encoding="utf-8")
