"""A small project's tests, run and judged as `hsi test` does it."""

import os
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
UNIT = Run(("unit",), parallel=True, covered=True)

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


def test_too_little_coverage_is_refused_with_the_lines_that_are_missing(
    project: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "backend" / "window.py").write_text("x = 1\n" * 20)
    run(UNIT, project, folder, long=False, measured=True, more=["-k", "open"])
    assert not judge(project, folder)
    out = capfd.readouterr().out
    assert "backend/window.py" in out
    assert "1-20" in out


def test_what_takes_minutes_runs_only_when_asked(project: Path, folder: Path) -> None:
    assert run(UNIT, project, folder, long=True, measured=False, more=[]) == Tally(passed=1)


def test_failures_and_errors_are_failures(project: Path, folder: Path) -> None:
    (project / "backend" / "tests" / "unit" / "test_bad.py").write_text("def test_bad(): assert 0")
    (project / "backend" / "tests" / "unit" / "test_worse.py").write_text("import nothing_there")
    tally = run(UNIT, project, folder, long=False, measured=False, more=["-n0"])
    assert tally.failed > 0
    assert not tally.is_success


def test_no_data_is_no_success(
    project: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert not judge(project, folder)
    assert "no data" in capfd.readouterr().out


def test_the_command_refuses_a_level_that_there_is_not() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "backend.cli", "test", "unti"],
        cwd=project_root(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("hsi: unti: no such level")
    assert "Traceback" not in done.stderr


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
        assert process.wait(timeout=5) != 0
