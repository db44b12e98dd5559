"""Copies that are gone are made again from the files of cameras."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from backend.core.content_store import ContentStore
from backend.core.errors import HsiError, NotFound, Unavailable
from backend.services.ingest.originals import Originals
from backend.tests.fixtures.ingest import LIMITS, picture
from backend.tests.fixtures.told_database import database_with

HASH = sha256(picture()).digest()
FRAME = {"folder": "Front Door", "path": "a.jpg", "content_hash": HASH}


def originals(root: Path, *frames: dict[str, Any]) -> Originals:
    store = ContentStore(root.parent / "pictures")
    return Originals(root, store, database_with(list(frames)), LIMITS)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "cameras"
    (folder / "Front Door").mkdir(parents=True)
    (folder / "Front Door" / "a.jpg").write_bytes(picture())
    return folder


async def test_the_copy_is_made_again(root: Path) -> None:
    await originals(root, FRAME).copy_again(1)
    assert ContentStore(root.parent / "pictures").read(HASH) == picture()


async def test_of_no_frame_there_is_no_original(root: Path) -> None:
    with pytest.raises(NotFound, match="there is no frame 1"):
        await originals(root).copy_again(1)


def remove(root: Path) -> None:
    (root / "Front Door" / "a.jpg").unlink()


def replace(root: Path) -> None:
    (root / "Front Door" / "a.jpg").write_bytes(picture(1))


def take_away(root: Path) -> None:
    root.rename(root.parent / "elsewhere")


@pytest.mark.parametrize(
    ("happens", "error", "words"),
    [
        (remove, NotFound, "and so is the file"),
        (replace, NotFound, "is another by now"),
        (take_away, Unavailable, "is not there"),
    ],
)
async def test_without_the_file_it_says_why(
    root: Path, happens: Callable[[Path], None], error: type[HsiError], words: str
) -> None:
    happens(root)
    with pytest.raises(error, match=words):
        await originals(root, FRAME).copy_again(1)
