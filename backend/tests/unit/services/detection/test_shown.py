"""Pictures are made in threads, a few at a time, and errors are told as what they mean."""

import asyncio
import threading
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from backend.core.content_store import ContentStore
from backend.core.errors import Conflict, Unavailable
from backend.domain.frames import FrameState
from backend.services.detection.picture import decode
from backend.services.detection.shown import AT_ONCE, ShownPictures
from backend.services.stores.shown_pictures import ShownPicture
from backend.tests.fixtures.ledger import HEIGHT, WIDTH, jpeg
from backend.tests.fixtures.waiting import wait_for

PICTURE = jpeg(70)
LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


def shown(data: bytes = PICTURE) -> ShownPicture:
    digest = sha256(data).digest()
    return ShownPicture(1, FrameState.ATTACHED, digest, WIDTH, HEIGHT, masks=(LEFT,))


class SlowStore(ContentStore):
    """Gives nothing until it may; knows how many wait for it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.waiting = 0
        self.most = 0
        self.go_on = threading.Event()
        self._lock = threading.Lock()

    def read(self, content_hash: bytes) -> bytes:
        with self._lock:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
        self.go_on.wait(5)
        with self._lock:
            self.waiting -= 1
        return super().read(content_hash)


async def test_no_more_are_made_at_once_than_may_be(tmp_path: Path) -> None:
    store = SlowStore(tmp_path)
    store.put(sha256(PICTURE).digest(), PICTURE)
    pictures = ShownPictures(store)
    asked = [asyncio.create_task(pictures.whole(shown())) for _ in range(3 * AT_ONCE)]
    await asyncio.to_thread(wait_for, lambda: store.waiting == AT_ONCE, what="the first pictures")
    store.go_on.set()
    made = await asyncio.gather(*asked)
    assert store.most == AT_ONCE
    pixels = decode(made[0], longest=None, full_size=(WIDTH, HEIGHT))
    assert np.all(pixels[:, : WIDTH // 2] <= 3)
    assert np.all(pixels[:, WIDTH // 2 + 8 :] > 60)


async def test_what_cannot_be_decoded_is_a_conflict(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    store.put(sha256(b"no picture").digest(), b"no picture")
    with pytest.raises(Conflict, match="nothing can be painted over it"):
        await ShownPictures(store).whole(shown(b"no picture"))


async def test_what_cannot_be_read_is_unavailable(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    store.put(sha256(PICTURE).digest(), PICTURE)
    path = store.path(sha256(PICTURE).digest())
    path.unlink()
    path.mkdir()
    with pytest.raises(Unavailable, match="the picture cannot be read"):
        await ShownPictures(store).thumbnail(shown(), [])
