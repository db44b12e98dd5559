"""The lock of the data folder: who holds it is named."""

import os
from pathlib import Path

import pytest

from backend.core.errors import Conflict
from backend.local.data_folder import DataFolder


def refused(data: Path) -> str:
    """What is said to whoever would take it."""
    with pytest.raises(Conflict) as caught, DataFolder(data):
        pytest.fail("somebody else has it")
    assert caught.value.code == "data_folder.in_use"
    return str(caught.value)


def test_the_command_that_holds_it_is_named(tmp_path: Path) -> None:
    with DataFolder(tmp_path):
        said = refused(tmp_path)
    assert said.startswith(f"hsi up is at work in the data folder {tmp_path}")
    assert f"(process {os.getpid()}): stop it or let it end" in said


def test_one_that_works_where_nothing_is_up_is_not_taken_for_hsi_up(tmp_path: Path) -> None:
    with DataFolder(tmp_path, "hsi fsck"):
        assert refused(tmp_path).startswith("hsi fsck is at work")


@pytest.mark.parametrize("written", ["", "17\n"])
def test_of_one_that_has_not_named_itself_no_more_is_said(tmp_path: Path, written: str) -> None:
    with DataFolder(tmp_path):
        (tmp_path / "lock").write_text(written)
        assert refused(tmp_path).startswith("another command is at work")
