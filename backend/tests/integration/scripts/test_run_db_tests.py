"""The script that runs the tests of the database alone."""

import os
import subprocess
from pathlib import Path

import pytest

from backend.tests.fixtures.run import ROOT


@pytest.mark.slow  # it collects the whole level, and starts servers of its own
def test_it_runs_what_works_on_a_database_from_any_folder(tmp_path: Path) -> None:
    apart = ("PYTEST", "COV", "PYTHONPATH")
    done = subprocess.run(
        [
            str(ROOT / "backend/tests/run_db_tests.sh"),
            *("-n0", "-vv", "-p", "no:cacheprovider"),
            *("-k", "a_second_upgrade_changes_nothing or no_database_at_all_is_said"),
        ],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if not k.startswith(apart)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    lines = done.stdout.splitlines()
    assert lines[-1] == "1 passed, 0 failed, 0 skipped"
    (ran,) = [line.split()[0] for line in lines if "::" in line]
    assert ran.endswith("test_migrations.py::test_a_second_upgrade_changes_nothing")
