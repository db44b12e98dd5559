"""Reading one file: its name, its mark, and its path in a record."""

import os
from errno import EMFILE
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Unavailable
from backend.services.ingest.reading import (
    LONGEST_PATH,
    Limits,
    Picture,
    Refused,
    is_wanted,
    look,
    mark_of,
    read_picture,
    recorded_path,
)
from backend.tests.fixtures.ingest import LIMITS, picture
from backend.tests.fixtures.strategies import paths

BIGINT = 2**63


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a.jpg", True),
        ("a.JPEG", True),
        ("a.Png", True),
        ("a.b.mp4", True),
        ("a.MKV", True),
        ("a.avi", True),
        ("a.mov", True),
        ("a.jpg.part", False),
        ("a.jpg ", False),
        ("a.gif", False),
        ("", False),
        (".jpg", True),
        ("..PNG", True),
        ("jpg", False),
    ],
)
def test_is_wanted(name: str, wanted: bool) -> None:
    assert is_wanted(name) is wanted


def stat_result(*, inode: int, mtime_ns: int) -> os.stat_result:
    return os.stat_result((0o100644, inode, 0, 1, 0, 0, 5, 0, 0, 0), {"st_mtime_ns": mtime_ns})


@given(st.integers(0, 2**64 - 1), st.integers(-(2**80), 2**80))
def test_a_mark_fits_into_the_ledger(inode: int, mtime_ns: int) -> None:
    mark = mark_of(stat_result(inode=inode, mtime_ns=mtime_ns))
    assert 0 <= mark.inode < BIGINT
    assert -BIGINT < mark.mtime_ns < BIGINT


def test_a_usual_mark_is_what_the_system_says(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"12345")
    found = path.stat()
    mark = mark_of(found)
    assert (mark.size, mark.mtime_ns, mark.inode) == (5, found.st_mtime_ns, found.st_ino)


def test_a_link_is_what_it_leads_to(tmp_path: Path) -> None:
    target, link, dead = tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "c.jpg"
    target.write_bytes(b"x")
    link.symlink_to(target)
    dead.symlink_to("nowhere")
    assert mark_of(look(link)) == mark_of(target.stat())
    assert mark_of(look(dead)) == mark_of(dead.lstat())
    with pytest.raises(FileNotFoundError):
        look(tmp_path / "nothing")


@given(paths | paths.map(lambda path: path * 20))
def test_a_recorded_path_is_text_that_an_index_can_hold(path: str) -> None:
    assert len(recorded_path(path).encode("utf-8")) <= LONGEST_PATH + 3 + 16


@given(st.text("ab/", min_size=1, max_size=200))
def test_a_short_path_is_recorded_as_it_is(path: str) -> None:
    assert recorded_path(path) == path


def test_long_paths_are_recorded_apart() -> None:
    paths = ["ü" * 600 + end for end in ("", "a", "b")]
    assert len({recorded_path(path) for path in paths}) == 3
    assert all("\ufffd" not in recorded_path(path) for path in paths)


def read(folder: Path, data: bytes, limits: Limits = LIMITS) -> Picture | Refused:
    path = folder / "root" / "gate" / "a.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    outcome = read_picture(folder / "root", "gate/a.jpg", limits)
    if isinstance(outcome, Refused):
        return outcome
    found, whole = outcome
    assert whole == data
    return found


def test_a_picture_is_what_its_file_holds(tmp_path: Path) -> None:
    outcome = read(tmp_path, picture())
    assert isinstance(outcome, Picture)
    assert outcome.mark == mark_of((tmp_path / "root" / "gate" / "a.jpg").stat())
    assert outcome.content_hash == sha256(picture()).digest()
    assert outcome.width > outcome.height > 0


def test_as_large_as_it_may_be(tmp_path: Path) -> None:
    size = len(picture())
    assert isinstance(read(tmp_path, picture(), Limits(size, LIMITS.pixels)), Picture)
    outcome = read(tmp_path, picture(), Limits(size - 1, LIMITS.pixels))
    assert isinstance(outcome, Refused)
    assert outcome.code == "file.too_large"
    assert "INGEST__MAX_FILE_BYTES" in outcome.reason


@given(st.binary(max_size=300))
def test_what_is_no_picture_never_reaches_the_store(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp() / "no picture"
    outcome = read(folder, data)
    assert isinstance(outcome, Refused)
    assert outcome.code.startswith("picture.")
    assert not (folder / "pictures").exists()


def test_what_passes_by_itself_says_nothing_about_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Camera").mkdir()
    (tmp_path / "Camera" / "a.jpg").write_bytes(picture())

    def exhausted(*_: object, **__: object) -> int:
        raise OSError(EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", exhausted)
        with pytest.raises(Unavailable, match="Too many open files"):
            read_picture(tmp_path, "Camera/a.jpg", LIMITS)
    assert not isinstance(read_picture(tmp_path, "Camera/a.jpg", LIMITS), Refused)
