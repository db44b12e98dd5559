import errno
import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.core.content_store import ContentStore, write_whole
from backend.core.errors import NotFound, Unavailable

DATA = b"a picture" * 1000
HASH = hashlib.sha256(DATA).digest()
LONG_AGO_NS = 1_500_000_000_000_000_000


def age(path: Path) -> None:
    """Let a file seem to have been put long ago."""
    os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "pictures")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_was_put_is_read_from_below_two_digits(store: ContentStore, tmp_path: Path) -> None:
    store.put(HASH, DATA)
    assert store.read(HASH) == DATA
    name = HASH.hex()
    assert files(tmp_path) == [tmp_path / "pictures" / name[:2] / name]


def test_the_same_content_is_written_once_and_its_time_is_new(store: ContentStore) -> None:
    store.put(HASH, DATA)
    inode = store.path(HASH).stat().st_ino
    age(store.path(HASH))
    store.put(HASH, DATA)
    after = store.path(HASH).stat()
    assert after.st_ino == inode
    assert after.st_mtime_ns >= LONG_AGO_NS + 1


@pytest.mark.parametrize("damage", [b"", DATA[:-1], DATA + b"x"])
def test_what_has_another_size_is_written_anew(store: ContentStore, damage: bytes) -> None:
    store.put(HASH, DATA)
    store.path(HASH).write_bytes(damage)
    store.put(HASH, DATA)
    assert store.read(HASH) == DATA


def test_what_is_damaged_is_replaced(store: ContentStore) -> None:
    store.put(HASH, DATA)
    store.path(HASH).write_bytes(b"x" + DATA[1:])
    store.replace(HASH, DATA)
    assert store.read(HASH) == DATA


def test_two_that_put_the_same_at_once(store: ContentStore, tmp_path: Path) -> None:
    barrier = threading.Barrier(4)

    def put() -> None:
        barrier.wait(5)
        store.put(HASH, DATA)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(put) for _ in range(4)]:
            done.result(5)
    assert store.read(HASH) == DATA
    assert files(tmp_path) == [store.path(HASH)]


def test_what_was_never_put_is_not_found(store: ContentStore) -> None:
    store.put(HASH, DATA)
    with pytest.raises(NotFound, match="gone"):
        store.read(hashlib.sha256(b"other").digest())


def test_without_the_folder_it_is_not_known_what_is_gone(store: ContentStore) -> None:
    with pytest.raises(Unavailable) as caught:
        store.read(HASH)
    assert caught.value.code == "pictures.unreadable"


def test_an_empty_folder_may_be_one_that_is_not_mounted(
    store: ContentStore, tmp_path: Path
) -> None:
    (tmp_path / "pictures").mkdir()
    with pytest.raises(Unavailable, match="not mounted"):
        store.read(HASH)


@pytest.mark.parametrize("damage", [b"", DATA[:-1], DATA + b"x", b"x" + DATA[1:]])
def test_a_damaged_copy_is_not_taken_for_the_picture(store: ContentStore, damage: bytes) -> None:
    store.put(HASH, DATA)
    store.path(HASH).write_bytes(damage)
    with pytest.raises(NotFound) as caught:
        store.read(HASH)
    assert caught.value.code == "pictures.damaged"


def test_one_copy_that_cannot_be_read_is_no_outage(store: ContentStore) -> None:
    store.path(HASH).mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        store.read(HASH)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_an_outage(store: ContentStore, tmp_path: Path) -> None:
    store.put(HASH, DATA)
    (tmp_path / "pictures").chmod(0)
    try:
        with pytest.raises(Unavailable, match="Permission denied"):
            store.read(HASH)
    finally:
        (tmp_path / "pictures").chmod(0o700)


def test_a_store_that_fails_as_a_whole_is_an_outage(store: ContentStore, tmp_path: Path) -> None:
    (tmp_path / "pictures").write_bytes(b"a file is in the way")
    with pytest.raises(Unavailable, match="Not a directory"):
        store.read(HASH)


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "pictures").write_bytes(b"a file is in the way")
    with pytest.raises(Unavailable, match=r"cannot write to .*pictures") as caught:
        ContentStore(tmp_path / "pictures").put(HASH, DATA)
    assert caught.value.code == "pictures.unwritable"


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_nothing_behind_and_the_next_try_succeeds(
    store: ContentStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", full_disk)
        with pytest.raises(Unavailable, match="No space left"):
            store.put(HASH, DATA)
    assert files(tmp_path) == []
    store.put(HASH, DATA)
    assert store.read(HASH) == DATA


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    write_whole(path, b"new")
    assert (path.read_bytes(), files(tmp_path)) == (b"new", [path])


def test_names_are_flushed_too(store: ContentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []

    def note(descriptor: int) -> None:
        flushed.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    monkeypatch.setattr(os, "fsync", note)
    store.put(HASH, DATA)
    folder = store.path(HASH).parent
    assert flushed == [str(folder), str(folder.parent)]


def test_the_permissions_are_as_asked(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", b"secret", mode=0o600)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_a_shelf_says_what_lies_on_it(store: ContentStore) -> None:
    store.put(HASH, DATA)
    shelf = store.path(HASH).parent
    (shelf / f".{HASH.hex()}.0123abcd").write_bytes(b"half")
    (shelf / "notes.txt").write_bytes(b"?")
    other = hashlib.sha256(b"other").digest()
    aside = shelf / f".{other.hex()}.0123abcd.gone"
    aside.write_bytes(b"other")
    found = store.shelf(HASH[0])
    assert {h: one.size for h, one in found.contents.items()} == {HASH: len(DATA)}
    assert list(found.unfinished) == [shelf / f".{HASH.hex()}.0123abcd"]
    assert list(found.set_aside) == [aside]
    assert found.strange == [shelf / "notes.txt"]
    assert store.shelf((HASH[0] + 1) % 256).contents == {}


def test_what_lies_beside_the_shelves_is_strange(store: ContentStore, tmp_path: Path) -> None:
    assert store.strange() == []
    store.write_mark("a")
    store.put(HASH, DATA)
    (tmp_path / "pictures" / "holiday.jpg").write_bytes(b"")
    assert store.strange() == [tmp_path / "pictures" / "holiday.jpg"]
