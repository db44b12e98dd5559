"""The runs of pytest, and their sum."""

from pathlib import Path

import pytest

from backend.cli.pytest_runs import (
    LEVELS,
    Run,
    Tally,
    command,
    environment,
    levels_and_arguments,
    runs_of,
    tally_of,
)
from backend.core.errors import Invalid, NotFound


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for level in ("unit", "integration", "e2e"):
        (tmp_path / "backend" / "tests" / level).mkdir(parents=True)
    return tmp_path


def test_levels_lead_and_arguments_follow() -> None:
    assert levels_and_arguments([]) == ([], [])
    assert levels_and_arguments(["unit", "e2e"]) == (["unit", "e2e"], [])
    assert levels_and_arguments(["unit", "-k", "unit"]) == (["unit"], ["-k", "unit"])
    assert levels_and_arguments(["-x"]) == ([], ["-x"])


def test_a_level_that_there_is_not_is_refused() -> None:
    with pytest.raises(Invalid, match="unti: no such level; there are unit, integration"):
        levels_and_arguments(["unti"])


def test_without_levels_all_that_the_project_has_are_run(root: Path) -> None:
    assert [run.levels for run in runs_of([], root)] == [("unit",), ("integration",), ("e2e",)]
    assert [run.levels for run in runs_of(["e2e"], root)] == [("e2e",)]


def test_a_level_whose_folder_is_missing_is_said(root: Path) -> None:
    with pytest.raises(NotFound, match="gpu: no such tests yet"):
        runs_of(["unit", "gpu"], root)


def test_every_level_is_in_one_run() -> None:
    assert sorted(LEVELS) == ["benchmarks", "e2e", "faults", "gpu", "integration", "unit"]


def test_unit_tests_run_in_parallel_and_what_the_caller_adds_comes_last() -> None:
    words = command(
        Run(("unit",), per_core=1, covered=True),
        Path("/report.xml"),
        long=False,
        measured=True,
        more=["-k", "boxes"],
    )
    assert words[3:] == [
        "-q",
        "backend/tests/unit",
        "-n",
        "auto",
        "--dist=worksteal",
        "-m",
        "not long",
        "--cov",
        "--cov-report=",
        "--junitxml=/report.xml",
        "-k",
        "boxes",
    ]


def test_where_tests_wait_for_processes_there_are_several_for_each_core(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 5})
    words = command(
        Run(("faults",), per_core=2, covered=True),
        Path("/report.xml"),
        long=False,
        measured=False,
        more=[],
    )
    assert words[5:8] == ["-n", "6", "--dist=worksteal"]


def test_what_takes_minutes_runs_alone_and_unmeasured() -> None:
    words = command(
        Run(("faults",), per_core=0, covered=True, options=("--quickly",)),
        Path("/report.xml"),
        long=True,
        measured=False,
        more=[],
    )
    assert words[5:10] == ["-n0", "--quickly", "-m", "long", "--no-cov"]


@pytest.mark.parametrize(("long", "profile"), [(False, "ci"), (True, "long")])
def test_properties_look_as_long_as_there_is_time(
    long: bool, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HYPOTHESIS_PROFILE", raising=False)
    assert environment(Path("/data"), long=long, slower=1)["HYPOTHESIS_PROFILE"] == profile
    monkeypatch.setenv("HYPOTHESIS_PROFILE", "quick")
    assert environment(Path("/data"), long=long, slower=1)["HYPOTHESIS_PROFILE"] == "quick"


def report(folder: Path, **counts: int) -> Path:
    attributes = " ".join(f'{name}="{count}"' for name, count in counts.items())
    path = folder / "report.xml"
    path.write_text(f'<testsuites><testsuite name="pytest" {attributes}/></testsuites>')
    return path


def test_a_report_is_counted(tmp_path: Path) -> None:
    path = report(tmp_path, tests=10, failures=2, errors=1, skipped=3)
    assert tally_of(path, 1, "unit") == Tally(passed=4, failed=3, skipped=3)


def test_a_run_that_died_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tally_of(tmp_path / "missing.xml", 4, "unit") == Tally(failed=1)
    path = report(tmp_path, tests=1, failures=0, errors=0, skipped=0)
    assert tally_of(path, 3, "unit") == Tally(passed=1, failed=1)
    assert "unit: pytest ended with status 3" in capsys.readouterr().err


def test_a_run_with_nothing_to_run_is_no_failure(tmp_path: Path) -> None:
    path = report(tmp_path, tests=0, failures=0, errors=0, skipped=0)
    assert tally_of(path, 5, "gpu") == Tally()


def test_the_sum_is_one_line() -> None:
    total = Tally(1, 2, 3) + Tally(4, 5, 6)
    assert str(total) == "5 passed, 7 failed, 9 skipped"
    assert not total.is_success
    assert Tally(skipped=1).is_success
    assert not Tally().is_success
