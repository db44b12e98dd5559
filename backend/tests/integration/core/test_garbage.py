"""The processes that run for months begin as `core/garbage.py` says."""

import subprocess
import sys

import pytest

from backend.tests.fixtures.product import PROJECT

# As `python -m` starts it; without servers named it ends once it has begun.
A_START = """
import atexit, gc, runpy, sys
begun = gc.get_stats()[0]["collections"]

def tell():
    looks = gc.get_stats()[0]["collections"] - begun
    print(looks < 20, gc.isenabled(), gc.get_freeze_count() > 100_000)

atexit.register(tell)
sys.argv = [sys.argv[1]]
runpy.run_module(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("module", ["backend.main", "backend.worker"])
def test_no_garbage_is_looked_for_among_the_imports_and_some_is_later(
    module: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("begun")
    done = subprocess.run(
        [sys.executable, "-c", A_START, module],
        cwd=folder,
        env={"PYTHONPATH": str(PROJECT), "HSI_DATA": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "DATABASE_URL is not set" in done.stderr
    assert done.stdout.split() == ["True", "True", "True"]
