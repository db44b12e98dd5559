"""Folders of cameras that are deleted while we watch."""

from pathlib import Path

from structlog.testing import capture_logs

from backend.services.ingest.camera_folders import CameraFolders
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.told_database import database_with

KNOWN = [{"folder": "Front Door"}, {"folder": "Garden"}]


def folders(root: Path, *, looks: int) -> CameraFolders:
    return CameraFolders(root, database_with(*[KNOWN] * looks), ManualClock())


def made(tmp_path: Path) -> Path:
    root = tmp_path / "cameras"
    (root / "Front Door").mkdir(parents=True)
    return root


async def test_one_that_was_seen_is_made_again_and_no_other(tmp_path: Path) -> None:
    root = made(tmp_path)
    looking = folders(root, looks=2)
    await looking.look()
    (root / "Front Door").rmdir()
    await looking.look()
    assert [path.name for path in root.iterdir()] == ["Front Door"]


async def test_nothing_is_made_in_another_folder_of_all_cameras(tmp_path: Path) -> None:
    root = made(tmp_path)
    looking = folders(root, looks=2)
    await looking.look()
    root.rename(tmp_path / "unmounted")
    root.mkdir()
    await looking.look()
    assert list(root.iterdir()) == []


async def test_nothing_is_made_where_there_is_no_folder_of_all_cameras(tmp_path: Path) -> None:
    root = made(tmp_path)
    looking = folders(root, looks=2)
    await looking.look()
    root.rename(tmp_path / "unmounted")
    await looking.look()
    assert not root.exists()


async def test_where_it_cannot_be_made_the_log_says_so(tmp_path: Path) -> None:
    root = made(tmp_path)
    (root / "Garden").mkdir()
    looking = CameraFolders(
        root, database_with([{"folder": "Garden/a"}], [{"folder": "Garden/a"}]), ManualClock()
    )
    (root / "Garden" / "a").mkdir()
    await looking.look()
    (root / "Garden" / "a").rmdir()
    (root / "Garden").rmdir()
    (root / "Garden").write_text("in the way")
    with capture_logs() as logs:
        await looking.look()
    assert [entry["event"] for entry in logs] == ["a camera's folder is gone"]
