"""Pictures named by their path: what lies below the root, and nothing else."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from ai.detector.store import read_below
from backend.core.errors import HsiError, Invalid, NotFound


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store with one picture, and a secret beside it."""
    store = tmp_path / "store"
    (store / "aa").mkdir(parents=True)
    (store / "aa" / "picture").write_bytes(b"picture")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "store-of-another").mkdir()
    (tmp_path / "store-of-another" / "picture").write_bytes(b"secret")
    return store


def test_a_picture(root: Path) -> None:
    assert read_below(root, "aa/picture", most_bytes=7) == b"picture"
    assert read_below(root, "./aa//picture", most_bytes=7) == b"picture"


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("", Invalid, "store.path"),
        (".", Invalid, "store.path"),
        ("../secret", Invalid, "store.path"),
        ("aa/../../secret", Invalid, "store.path"),
        ("../store-of-another/picture", Invalid, "store.path"),
        ("/etc/passwd", Invalid, "store.path"),
        ("aa/pic\0ture", Invalid, "store.path"),
        ("aa", Invalid, "store.path"),
        ("link", Invalid, "store.path"),
        ("fifo", Invalid, "store.path"),
        ("folder-link/secret", NotFound, "store.missing"),
        ("aa/none", NotFound, "store.missing"),
        ("aa/picture/below", NotFound, "store.missing"),
        ("x" * 300, Invalid, "store.path"),
        ("\ud800", Invalid, "store.path"),
    ],
)
def test_what_is_refused(root: Path, name: str, kind: type[HsiError], code: str) -> None:
    (root / "link").symlink_to("../secret")
    (root / "folder-link").symlink_to("..")
    os.mkfifo(root / "fifo")
    with pytest.raises(kind) as caught:
        read_below(root, name, most_bytes=100)
    assert caught.value.code == code


def test_one_that_is_too_large(root: Path) -> None:
    with pytest.raises(Invalid) as caught:
        read_below(root, "aa/picture", most_bytes=6)
    assert caught.value.code == "picture.too_large"


def test_without_the_store_itself(root: Path) -> None:
    with pytest.raises(NotFound):
        read_below(root / "none", "aa/picture", most_bytes=7)


def test_no_descriptor_stays_open(root: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("aa/picture", "aa", "aa/none"):
        with suppress(HsiError):
            read_below(root, name, most_bytes=100)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
