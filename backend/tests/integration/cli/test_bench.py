"""`hsi bench` as a command: its rows, its errors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from backend.tests.fixtures.onnx_models import write_dog_model
from backend.tests.fixtures.product import PROJECT, unmeasured


def hsi(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "backend.cli", *words],
        cwd=PROJECT,
        env=unmeasured(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_not_there_yet_is_a_row_that_says_so() -> None:
    done = hsi("bench", "P15", "p11", "--json")
    assert done.returncode == 0, done.stderr
    rows = {row["id"]: row for row in json.loads(done.stdout)}
    assert list(rows) == ["P11", "P15"]
    assert (rows["P15"]["ratio"], rows["P15"]["note"]) == (None, "there is none yet")


def test_an_unknown_figure_is_an_error_of_input() -> None:
    done = hsi("bench", "P99")
    assert (done.returncode, done.stdout) == (2, "")
    assert "P99: no such figure" in done.stderr


@pytest.mark.slow
def test_a_counted_figure_is_measured() -> None:
    done = hsi("bench", "P19", "--json", "--rounds", "1")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["id"], row["unit"], row["goal"], row["met"]) == ("P19", "per picture", "<= 1", True)
    assert 0 < row["low"] <= row["ratio"] <= row["high"] <= 1


@pytest.mark.slow
def test_detectors_are_compared_by_model_and_runtime(tmp_path: Path) -> None:
    model = write_dog_model(tmp_path / "dog.onnx")
    done = hsi("bench", "detector", str(model), "--json", "--rounds", "1", "--data", str(tmp_path))
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["id"] for row in rows} == {"P4", "P5", "P6", "P7"}
    assert rows[0]["pace"]["model"] == "dog"
    assert rows[0]["low"] <= rows[0]["ratio"] <= rows[0]["high"]
    assert [row["met"] for row in rows if row["id"] == "P7"] == [True] * 3


def test_a_model_that_is_not_there_is_an_error_of_input(tmp_path: Path) -> None:
    done = hsi("bench", "detector", "yours", "--data", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "yours is neither a model that is here" in done.stderr
