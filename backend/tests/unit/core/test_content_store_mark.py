"""The folder of the pictures is known by its mark; another disk in its place is refused."""

import hashlib
import shutil
from pathlib import Path

import pytest

from backend.core.content_store import MARK, OTHER_DISK, ContentStore
from backend.core.errors import NotFound, Unavailable

DATA = b"a picture"
HASH = hashlib.sha256(DATA).digest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "pictures"


@pytest.fixture
def store(folder: Path) -> ContentStore:
    store = ContentStore(folder)
    store.write_mark("ours")
    store.mark = "ours"
    store.put(HASH, DATA)
    store.check()
    return store


def store_after_a_start(folder: Path, home: int | None) -> ContentStore:
    """One that has seen nothing, and knows what the ledger does."""
    store = ContentStore(folder)
    store.mark, store.home = "ours", home
    return store


def refused(store: ContentStore) -> str:
    with pytest.raises(Unavailable) as caught:
        store.check()
    assert caught.value.code == OTHER_DISK
    return str(caught.value)


def test_any_folder_will_do_for_a_store_without_a_mark(folder: Path) -> None:
    ContentStore(folder).check()


def test_an_empty_folder_in_its_place_is_another_disk(store: ContentStore, folder: Path) -> None:
    folder.rename(folder.with_name("away"))
    folder.mkdir()
    assert "no mark" in refused(store)
    with pytest.raises(Unavailable):
        store.read(HASH)
    assert list(folder.iterdir()) == []


def test_one_with_another_mark_is_another_disk(store: ContentStore, folder: Path) -> None:
    folder.rename(folder.with_name("away"))
    other = ContentStore(folder)
    other.write_mark("theirs")
    assert "another mark" in refused(store)


def test_the_right_one_is_taken_again_when_it_is_back(store: ContentStore, folder: Path) -> None:
    folder.rename(folder.with_name("away"))
    folder.mkdir()
    refused(store)
    folder.rmdir()
    folder.with_name("away").rename(folder)
    store.check()
    assert store.read(HASH) == DATA


def test_a_disk_that_is_gone_with_all_around_it_is_missed(
    store: ContentStore, folder: Path
) -> None:
    """As where the whole data folder is a mount point: nothing is written below it."""
    folder.parent.rename(folder.parent.with_name("away"))
    folder.parent.mkdir()
    assert "not there" in refused(store)
    with pytest.raises(Unavailable):
        store.put(HASH, DATA)
    assert list(folder.parent.iterdir()) == []


@pytest.mark.parametrize("by", ["check", "put", "read"])
def test_a_deleted_folder_is_made_again(store: ContentStore, folder: Path, by: str) -> None:
    shutil.rmtree(folder)
    if by == "check":
        store.check()
    elif by == "put":
        store.put(HASH, DATA)
        assert store.read(HASH) == DATA
    else:
        with pytest.raises(NotFound):
            store.read(HASH)
    assert (folder / MARK).read_text() == "ours\n"


def test_also_by_a_store_that_has_not_seen_it(store: ContentStore, folder: Path) -> None:
    shutil.rmtree(folder)
    again = store_after_a_start(folder, store.home)
    again.check()
    assert (folder / MARK).exists()


def moved_to_a_disk_of_its_own(store: ContentStore, folder: Path) -> Path:
    """Move all but the dotfiles, as `mv data/* /disk` does, and mount it; what lies beneath."""
    beneath = folder.parent.with_name("beneath")
    folder.parent.rename(beneath)
    folder.parent.mkdir()
    (beneath / folder.name).rename(folder)
    store.check()
    return beneath


def test_a_folder_that_was_moved_with_its_mark_is_ours(store: ContentStore, folder: Path) -> None:
    before = store.home
    moved_to_a_disk_of_its_own(store, folder)
    assert store.read(HASH) == DATA
    assert store.home == folder.parent.stat().st_ino != before
    shutil.rmtree(folder)
    store_after_a_start(folder, store.home).check()
    assert (folder / MARK).exists()


@pytest.mark.parametrize("is_running", [False, True])
def test_beneath_a_mount_point_nothing_is_made(
    store: ContentStore, folder: Path, *, is_running: bool
) -> None:
    """Though the mark was left there when the pictures were moved away."""
    beneath = moved_to_a_disk_of_its_own(store, folder)
    folder.parent.rename(folder.parent.with_name("unmounted"))
    beneath.rename(folder.parent)
    assert (folder.parent / MARK).read_text() == "ours\n"
    looking = store if is_running else store_after_a_start(folder, store.home)
    assert "not there" in refused(looking)
    assert not folder.exists()


def test_a_home_that_was_never_noted_is_no_proof(store: ContentStore, folder: Path) -> None:
    noting = store_after_a_start(folder, None)
    noting.check()
    assert noting.home == store.home
    shutil.rmtree(folder)
    assert "not there" in refused(store_after_a_start(folder, None))


def test_a_mark_deleted_from_a_folder_that_was_seen_is_written_again(
    store: ContentStore, folder: Path
) -> None:
    (folder / MARK).unlink()
    store.check()
    assert (folder / MARK).read_text() == "ours\n"


def test_without_its_mark_a_folder_that_nobody_saw_is_another(
    store: ContentStore, folder: Path
) -> None:
    (folder / MARK).unlink()
    again = ContentStore(folder)
    again.mark = "ours"
    assert "no mark" in refused(again)


def test_a_mark_that_cannot_be_read_is_an_outage(store: ContentStore, folder: Path) -> None:
    (folder / MARK).unlink()
    (folder / MARK).mkdir()
    with pytest.raises(Unavailable) as caught:
        store.check()
    assert caught.value.code == "pictures.unreadable"


def test_a_folder_that_was_renamed_is_not_made_again(store: ContentStore, folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    assert "elsewhere" in refused(store)
    with pytest.raises(Unavailable):
        store.put(HASH, DATA)
    assert not folder.exists()


def test_a_mark_whose_writer_was_killed_is_nothing_strange(
    store: ContentStore, folder: Path
) -> None:
    (folder / f".{MARK}.a3a3b762").write_text("ou")
    (folder / ".holiday.jpg.a3a3b762").write_text("?")
    assert store.strange() == [folder / ".holiday.jpg.a3a3b762"]
