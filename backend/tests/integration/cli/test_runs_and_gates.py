"""A small project's tests, run and judged as `hsi test` does it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backend.cli.coverage_gates import judge
from backend.cli.project import project_root
from backend.cli.pytest_runs import Run, Tally, run

PROJECT = """
[tool.pytest.ini_options]
markers = ["long: takes minutes"]
[tool.coverage.run]
source = ["backend"]
branch = true
parallel = true
# The command under test; a door is what is judged.
omit = ["backend/cli/*", "backend/core/*", "backend/tests/*"]
patch = ["subprocess"]
"""
DOOR = """
def is_open(angle: int) -> bool:
    if angle > 0:
        return True
    return False
"""
TESTS = """
import subprocess, sys
import pytest
from backend.door import is_open

def test_open(): assert is_open(3)
def test_closed():
    code = "from backend.door import is_open; assert not is_open(0)"
    subprocess.run([sys.executable, "-c", code], check=True)
@pytest.mark.skip(reason="no door here")
def test_skipped(): ...
@pytest.mark.long
def test_long(): ...
"""
BAD = "def test_bad(): assert 0"
UNIT = Run(("unit",), per_core=1, covered=True)

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    (root / "backend" / "tests" / "unit").mkdir(parents=True)
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "backend" / "__init__.py").write_text("")
    (root / "backend" / "door.py").write_text(DOOR)
    (root / "backend" / "tests" / "unit" / "test_door.py").write_text(TESTS)
    # What this very run sets must not reach the run within.
    for key in list(os.environ):
        if key.startswith(("COV", "PYTEST", "TEST_", "DATABASE_", "REDIS_")):
            monkeypatch.delenv(key)
    monkeypatch.setenv("PYTHONPATH", str(root))
    # What `-n auto` starts: each takes seconds.
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "1")
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "results"
    path.mkdir()
    return path


def test_tests_are_counted_and_coverage_includes_other_processes(
    project: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tally = run(UNIT, project, folder, long=False, measured=True, more=[])
    assert tally == Tally(passed=2, skipped=1)
    assert judge(project, folder)
    out = capfd.readouterr().out
    assert "coverage, unit: 100.0 % of at least 85 %" in out
    assert "coverage, combined: 100.0 % of at least 95 %" in out


def test_between_the_gates_the_higher_one_refuses_and_says_which_lines_are_missing(
    project: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with (project / "backend" / "door.py").open("a") as file:
        file.write("def never_called():\n    return 0\n")
    run(UNIT, project, folder, long=False, measured=True, more=["-n0"])
    assert not judge(project, folder)
    unit, combined, *lines = capfd.readouterr().out.partition("coverage, ")[2].splitlines()
    assert unit == "unit: 87.5 % of at least 85 %"
    assert combined == "coverage, combined: 87.5 % of at least 95 %"
    assert [line.split() for line in lines if "door.py" in line] == [
        ["backend/door.py", "6", "1", "2", "0", "87.5%", "7"]
    ]


def test_what_only_other_levels_reach_is_missing_at_the_unit_level(
    project: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(project / "backend/tests/unit", project / "backend/tests/integration")
    integration = Run(("integration",), per_core=0, covered=True)
    run(UNIT, project, folder, long=False, measured=True, more=["-n0", "-k", "open"])
    run(integration, project, folder, long=False, measured=True, more=[])
    assert not judge(project, folder)
    out = capfd.readouterr().out
    assert "coverage, unit: 66.7 % of at least 85 %" in out
    assert "coverage, combined: 100.0 % of at least 95 %" in out


def test_what_needs_a_server_counts_only_for_all_levels_together(
    project: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "backend" / "main.py").write_text("x = 1\n" * 20)
    run(UNIT, project, folder, long=False, measured=True, more=["-n0"])
    assert not judge(project, folder)
    out = capfd.readouterr().out
    assert "coverage, unit: 100.0 % of at least 85 %" in out
    assert "coverage, combined: 23.1 % of at least 95 %" in out
    assert "1-20" in out


def test_what_takes_minutes_runs_only_when_asked(project: Path, folder: Path) -> None:
    tally = run(UNIT, project, folder, long=True, measured=False, more=["-n0"])
    assert tally == Tally(passed=1)


def test_failures_are_counted(project: Path, folder: Path) -> None:
    (project / "backend" / "tests" / "unit" / "test_bad.py").write_text(BAD)
    tally = run(UNIT, project, folder, long=False, measured=False, more=["-n0"])
    assert tally == Tally(passed=2, failed=1, skipped=1)
    assert not tally.is_success


def test_a_file_that_cannot_be_read_is_a_failure(project: Path, folder: Path) -> None:
    (project / "backend" / "tests" / "unit" / "test_worse.py").write_text("import nothing_there")
    tally = run(UNIT, project, folder, long=False, measured=False, more=["-n0"])
    assert tally == Tally(failed=1)


def test_no_data_is_no_success(
    project: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert not judge(project, folder)
    unit, combined = capfd.readouterr().out.split("coverage, ")[1:]
    assert unit.startswith("unit: no data")
    assert combined.startswith("combined: no data")


@pytest.mark.parametrize(
    ("words", "more", "status", "last"),
    [
        ([], {}, 0, "2 passed, 0 failed, 1 skipped"),
        ([], {"backend/window.py": "x = 1"}, 1, "2 passed, 0 failed, 1 skipped"),
        (["unit", "--", "-n0"], {"backend/window.py": "x = 1"}, 0, "2 passed, 0 failed, 1 skipped"),
        (
            ["unit", "--", "-n0"],
            {"backend/tests/unit/test_bad.py": BAD},
            1,
            "2 passed, 1 failed, 1 skipped",
        ),
        (["unit", "--", "-n0", "-k", "nothing_like_it"], {}, 1, "0 passed, 0 failed, 0 skipped"),
        (["--long"], {}, 0, "1 passed, 0 failed, 0 skipped"),
    ],
    ids=["all", "little coverage", "not judged", "failed", "nothing ran", "long"],
)
def test_the_command_ends_with_one_line_and_a_status(
    project: Path, words: list[str], more: dict[str, str], status: int, last: str
) -> None:
    for part in ("cli", "core"):
        shutil.copytree(project_root() / "backend" / part, project / "backend" / part)
    for name, text in more.items():
        (project / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "backend.cli", "test", *words],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()[-1]) == (status, last), done.stderr
    assert ("coverage, combined" in done.stdout) is (not words)


def test_the_command_refuses_a_level_that_there_is_not() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "backend.cli", "test", "unti"],
        cwd=project_root(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "hsi: unti: no such level; there are unit, integration, e2e, faults, gpu, benchmarks\n"
    )


def test_logs_are_followed_until_ctrl_c(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    log = tmp_path / "logs" / "worker.log"
    log.write_text('{"time":"2026-01-02T03:04:05+00:00","level":"INFO","event":"first"}\n')
    with subprocess.Popen(
        [sys.executable, "-m", "backend.cli", "logs", "--follow", "--data", str(tmp_path)],
        cwd=project_root(),
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline().rstrip().endswith("first")
        with log.open("a") as file:
            file.write('{"time":"2026-01-02T03:04:06+00:00","level":"INFO","event":"second"}\n')
        began = time.monotonic()
        assert process.stdout.readline().rstrip().endswith("second")
        assert time.monotonic() - began < 5
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=5) == 130
