"""Camera folders whose files cannot be found are named, with what to do."""

import os
from pathlib import Path

import pytest

from backend.services.ingest.unseen import unseen_folders


def test_real_folders_and_files_are_fine(tmp_path: Path) -> None:
    (tmp_path / "gate").mkdir()
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    assert unseen_folders(tmp_path) == {}


def test_a_link_to_a_folder_is_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "gate").mkdir()
    (tmp_path / "door").symlink_to("gate")
    (advice,) = unseen_folders(tmp_path).items()
    assert advice[0] == "door"
    assert "put a real folder in its place" in advice[1]


def test_a_link_below_a_camera_is_its_own_affair(tmp_path: Path) -> None:
    (tmp_path / "gate" / "2025").mkdir(parents=True)
    (tmp_path / "gate" / "today").symlink_to("2025")
    assert unseen_folders(tmp_path) == {}


@pytest.mark.parametrize("target", ["nowhere", "door"])
def test_a_link_that_leads_nowhere_is_no_folder(tmp_path: Path, target: str) -> None:
    (tmp_path / "door").symlink_to(target)
    assert unseen_folders(tmp_path) == {}


def test_a_root_that_is_not_there(tmp_path: Path) -> None:
    assert unseen_folders(tmp_path / "nowhere") == {}


def test_a_root_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    assert unseen_folders(tmp_path / "file") == {".": "it cannot be listed: Not a directory"}


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "gate").mkdir()
    (tmp_path / os.fsdecode(b"T\xfcr")).symlink_to("gate")
    assert list(unseen_folders(tmp_path)) == [r"T\xfcr"]
