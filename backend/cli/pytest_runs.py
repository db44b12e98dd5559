"""One pytest run for each group of levels, and the sum of what they say."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from backend.core.errors import Invalid, NotFound

_NOTHING_COLLECTED = 5


@dataclass(frozen=True)
class Run:
    """Levels that one pytest runs together, by so many processes for each core; 0: all in one.

    Several for each where tests spend their time waiting for processes that they have started.
    `options` are pytest's.
    """

    levels: tuple[str, ...]
    per_core: int
    covered: bool
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The levels in words, and the folder of the run's coverage data."""
        return "-".join(self.levels)


RUNS = (
    Run(("unit",), per_core=1, covered=True),
    Run(("integration",), per_core=2, covered=True),
    # What they reach, others have reached before: measuring would only make them slower. While
    # the ones wait for an outage to end, the others work.
    Run(("e2e", "faults"), per_core=3, covered=False),
    Run(("gpu",), per_core=0, covered=False),
    # Here it counts what they give, not how long they take: once each is enough, two at a time. A
    # file's tests share the ledgers that they fill.
    Run(
        ("benchmarks",),
        per_core=1,
        covered=False,
        options=("--dist=loadfile", "--benchmark-disable"),
    ),
)
LEVELS = tuple(level for run in RUNS for level in run.levels)


@dataclass(frozen=True)
class Tally:
    """How many tests did what."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"

    @property
    def is_success(self) -> bool:
        """Nothing failed, and something ran."""
        return self.failed == 0 and self.passed + self.skipped > 0


def levels_and_arguments(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The levels that lead, and pytest's arguments, of which the first is an option."""
    count = next((at for at, word in enumerate(words) if word not in LEVELS), len(words))
    levels, arguments = list(words[:count]), list(words[count:])
    if arguments and not arguments[0].startswith("-"):
        raise Invalid(
            f"{arguments[0]}: no such level; there are {', '.join(LEVELS)}", code="test.level"
        )
    return levels, arguments


def runs_of(levels: Sequence[str], root: Path) -> list[Run]:
    """The runs for these levels, or for all that the project has."""
    there = [level for level in LEVELS if (root / "backend/tests" / level).is_dir()]
    missing = [level for level in levels if level not in there]
    if missing:
        raise NotFound(f"{', '.join(missing)}: no such tests yet", code="test.level")
    wanted = levels or there
    chosen = (
        replace(run, levels=tuple(level for level in run.levels if level in wanted)) for run in RUNS
    )
    return [run for run in chosen if run.levels]


def command(
    run: Run, report: Path, *, long: bool, measured: bool, more: Iterable[str]
) -> list[str]:
    """How pytest is called; `more` comes last, so that it wins."""
    return [
        *(sys.executable, "-m", "pytest", "-q"),
        *(f"backend/tests/{level}" for level in run.levels),
        *_processes(run),
        *run.options,
        *("-m", "long" if long else "not long"),
        *(("--cov", "--cov-report=") if measured else ("--no-cov",)),
        f"--junitxml={report}",
        *more,
    ]


def _processes(run: Run) -> tuple[str, ...]:
    if run.per_core == 0:
        return ("-n0",)
    cores = len(os.sched_getaffinity(0))
    processes = "auto" if run.per_core == 1 else str(run.per_core * cores)
    return ("-n", processes, "--dist=worksteal")


def run(
    run: Run, root: Path, folder: Path, *, long: bool, measured: bool, more: Sequence[str]
) -> Tally:
    """Run pytest with its output as it comes. Coverage data and report go to `folder`."""
    data = folder / run.name
    data.mkdir()
    report = data / "report.xml"
    print(f"== {run.name}", flush=True)
    status = _status(
        command(run, report, long=long, measured=measured, more=more),
        root,
        environment(data, long=long, slower=(3 if measured else 1) * max(1, run.per_core)),
    )
    return tally_of(report, status, run.name)


def environment(data: Path, *, long: bool, slower: int) -> dict[str, str]:
    """What pytest gets.

    The bounds are `slower` times as long: measuring makes Python two to three times as slow, and
    who shares a core with another has half of it.
    """
    bounds = {"HSI_TEST_TIMEOUT_SCALE": str(slower)}
    looking = {"HYPOTHESIS_PROFILE": "long" if long else "ci"}
    return bounds | looking | os.environ | {"COVERAGE_FILE": str(data / ".coverage")}


def _status(command: Sequence[str], root: Path, environment: dict[str, str]) -> int:
    """The exit status of pytest, which ends by itself on Ctrl-C: it has servers to stop."""
    with subprocess.Popen(command, cwd=root, env=environment) as process:  # noqa: S603 - our own
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


def tally_of(report: Path, status: int, name: str) -> Tally:
    """What pytest's report says; a run that failed without a failed test is one failure."""
    tally = _read(report) if report.is_file() else Tally()
    if status not in {0, _NOTHING_COLLECTED} and tally.failed == 0:
        print(f"{name}: pytest ended with status {status}", file=sys.stderr)
        return tally + Tally(failed=1)
    return tally


def _read(report: Path) -> Tally:
    total = Tally()
    for suite in ET.parse(report).getroot().iter("testsuite"):  # noqa: S314 - pytest wrote it
        tests, failures, errors, skipped = (
            int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")
        )
        failed = failures + errors
        total += Tally(max(0, tests - failed - skipped), failed, skipped)
    return total
