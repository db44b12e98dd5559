"""The two gates of coverage: what the unit tests reach, and what all tests reach together."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

UNIT_MINIMUM = 85
COMBINED_MINIMUM = 95
BEYOND_UNITS = (
    "backend/services/stores/*",
    "backend/migrations/*",
    "backend/local/*",
    "backend/cli/*",
    "ai/*/__main__.py",
    "backend/main.py",
    "backend/worker.py",
    "backend/services/detection/process/*",
    "backend/services/detection/runtimes/openvino.py",
    "backend/services/detection/runtimes/torch.py",
    "backend/services/detection/checkpoint.py",
    "backend/services/detection/detector_http.py",
    "backend/services/detection/models/awaited.py",
    "backend/services/detection/models/export.py",
    "backend/services/detection/models/lean.py",
)
"""Left out of the unit gate: their subject is a real server or process, which other levels run, or
a library that the lock does not have."""
TESTS = "backend/tests/*"


@dataclass(frozen=True)
class Gate:
    """A share of lines and branches, in percent, that tests must reach."""

    name: str
    minimum: int
    omitted: Sequence[str]


def judge(root: Path, folder: Path) -> bool:
    """Whether both gates are met; `folder` holds one folder of coverage data for each run."""
    unit = Gate("unit", UNIT_MINIMUM, (TESTS, *BEYOND_UNITS))
    combined = Gate("combined", COMBINED_MINIMUM, (TESTS,))
    data = sorted(path for path in folder.glob("*/.coverage*") if path.is_file())
    of_unit = [path for path in data if path.parent.name == "unit"]
    met = [
        _passes(gate, files, root, folder) for gate, files in ((unit, of_unit), (combined, data))
    ]
    return all(met)


def _passes(gate: Gate, files: Sequence[Path], root: Path, folder: Path) -> bool:
    data = f"--data-file={folder / gate.name}.coverage"
    combined = _coverage(root, "combine", "--keep", "--quiet", data, *map(str, files))
    if combined.returncode:
        print(f"coverage, {gate.name}: no data: {combined.stdout}{combined.stderr}")
        return False
    options = (data, f"--omit={','.join(gate.omitted)}", "--precision=1")
    total = _coverage(root, "report", *options, "--format=total", "--fail-under=0").stdout.strip()
    met = float(total or 0) >= gate.minimum
    print(f"coverage, {gate.name}: {total} % of at least {gate.minimum} %")
    if not met:
        print(_coverage(root, "report", *options, "--skip-covered", "--show-missing").stdout)
    return met


def _coverage(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-m", "coverage", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
