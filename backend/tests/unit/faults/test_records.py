"""What came of each fault is kept for each test, and named by it on the page."""

from pathlib import Path

import pytest

from backend.tests.faults.records import FOLDER_VARIABLE, Records, Recovery
from backend.tests.faults.report import rows

_CLOCKS = "backend/tests/faults/test_clocks.py::test_a_clock_that_jumps_and_back"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


def recovery(done: str) -> Recovery:
    return Recovery("a clock", done, pictures=4, lost=0, twice=0, seconds=0.5)


def test_tests_that_differ_by_a_sign_are_kept_apart(folder: Path) -> None:
    Records(f"{_CLOCKS}[1]").keep(recovery("an hour on"))
    Records(f"{_CLOCKS}[-1]").keep(recovery("an hour back"))
    assert [row.recovery.done for row in rows(folder)] == ["an hour back", "an hour on"]


def test_a_test_that_is_run_again_is_there_once(folder: Path) -> None:
    for done in ("an hour on", "an hour on, slowly"):
        Records(f"{_CLOCKS}[1]").keep(recovery(done))
    assert [row.recovery.done for row in rows(folder)] == ["an hour on, slowly"]


def test_a_test_is_named_with_all_of_its_parameters(folder: Path) -> None:
    Records("backend/tests/faults/test_folders.py::test_away[cameras/Camera 0]").keep(recovery(""))
    assert [row.test for row in rows(folder)] == ["test_folders.py::test_away[cameras/Camera 0]"]
