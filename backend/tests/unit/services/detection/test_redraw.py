"""Thumbnails that are gone are drawn again."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.core.content_store import ContentStore
from backend.core.errors import NotFound, Unavailable
from backend.domain.thumbnails import thumbnail_path
from backend.services.detection.picture import decode
from backend.services.detection.redraw import Redraw
from backend.tests.fixtures.ledger import jpeg
from backend.tests.fixtures.told_database import database_with

PICTURE = jpeg(70)
HEIGHT, WIDTH = decode(PICTURE, longest=None, full_size=(40, 24)).shape[:2]
FRAME: dict[str, Any] = {
    "id": 4711,
    "state": "attached",
    "content_hash": sha256(PICTURE).digest(),
    "width": WIDTH,
    "height": HEIGHT,
    "masks": None,
    "masks_changed_at": None,
}
PERSON = {
    "class_name": "person",
    "confidence": 0.9,
    "x": 0.2,
    "y": 0.2,
    "width": 0.5,
    "height": 0.5,
    "track_id": None,
    "signs": None,
}


def redraw(folder: Path, frames: list[dict[str, Any]]) -> Redraw:
    pictures = ContentStore(folder / "pictures")
    pictures.put(FRAME["content_hash"], PICTURE)
    return Redraw(database_with(frames, [PERSON]), pictures, folder / "thumbnails")


async def test_it_is_drawn_where_it_was(tmp_path: Path) -> None:
    await redraw(tmp_path, [FRAME]).draw_again(4711)
    drawn = thumbnail_path(tmp_path / "thumbnails", 4711).read_bytes()
    assert drawn.startswith(b"\xff\xd8")


async def test_masks_are_painted_over_before_anything_is_drawn(tmp_path: Path) -> None:
    whole = [[0, 0], [1, 0], [1, 1], [0, 1]]
    await redraw(tmp_path, [FRAME | {"masks": [whole]}]).draw_again(4711)
    drawn = thumbnail_path(tmp_path / "thumbnails", 4711).read_bytes()
    pixels = decode(drawn, longest=None, full_size=(320, 240))
    # But for the box and its words, all is black.
    assert np.median(pixels) == 0
    assert (pixels > 128).any()


async def test_of_no_frame_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no frame 4711"):
        await redraw(tmp_path, []).draw_again(4711)


async def test_where_it_cannot_be_written_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "thumbnails").write_text("in the way")
    with pytest.raises(Unavailable, match="cannot draw into"):
        await redraw(tmp_path, [FRAME]).draw_again(4711)
