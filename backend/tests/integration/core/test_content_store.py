"""Contents are put, read and removed by many at once: none is lost that somebody needs."""

import hashlib
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.core.content_store import ContentStore
from backend.core.errors import NotFound

LONG_AGO_NS = 1_500_000_000_000_000_000
BEFORE_NS = LONG_AGO_NS + 1


class Frames:
    """Which contents have rows, as a ledger would say, and files whose age is turned by hand.

    The lock of a content is held from its put until its row is there: so a content ages only while
    nobody is about to need it, as in an hour of a real clock.
    """

    def __init__(self, store: ContentStore, contents: list[bytes]) -> None:
        self.store = store
        self.contents = {hashlib.sha256(data).digest(): data for data in contents}
        self.rows: set[bytes] = set()
        self.locks = {content_hash: threading.Lock() for content_hash in self.contents}
        self.lost: list[bytes] = []

    def arrive(self, rng: random.Random) -> None:
        """As ingest does: put, then commit; then the detector reads."""
        content_hash = rng.choice(list(self.contents))
        with self.locks[content_hash]:
            self.store.put(content_hash, self.contents[content_hash])
            self.rows.add(content_hash)
            if not self.is_there(content_hash):
                self.lost.append(content_hash)

    def go(self, rng: random.Random) -> None:
        """As a deleted camera, long ago."""
        content_hash = rng.choice(list(self.contents))
        with self.locks[content_hash]:
            if content_hash in self.rows and not self.is_there(content_hash):
                self.lost.append(content_hash)
            self.rows.discard(content_hash)
            try:
                os.utime(self.store.path(content_hash), ns=(LONG_AGO_NS, LONG_AGO_NS))
            except FileNotFoundError:
                return

    def sweep(self) -> int:
        """As a repair does."""
        removed = 0
        for content_hash in self.contents:
            try:
                is_old = self.store.path(content_hash).stat().st_mtime_ns < BEFORE_NS
            except FileNotFoundError:
                continue
            if content_hash in self.rows or not is_old:
                continue
            aside = self.store.set_aside(content_hash)
            if aside is None:
                continue
            if content_hash in self.rows:
                self.store.put_back(aside)
            else:
                removed += self.store.drop(aside, before_ns=BEFORE_NS)
        return removed

    def is_there(self, content_hash: bytes) -> bool:
        try:
            return self.store.read(content_hash) == self.contents[content_hash]
        except NotFound:
            return False


@pytest.mark.slow
def test_none_is_lost_where_all_work_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(os, "fdatasync", lambda _: None)
    frames = Frames(ContentStore(tmp_path), [bytes([number]) for number in range(3)])
    over = threading.Event()

    def sweeping() -> int:
        removed = 0
        while not over.is_set():
            removed += frames.sweep()
        return removed

    def living(seed: int) -> None:
        rng = random.Random(seed)  # noqa: S311 - no secret
        for _ in range(1200):
            rng.choice((frames.arrive, frames.go))(rng)

    with ThreadPoolExecutor(4) as pool:
        sweepers = [pool.submit(sweeping) for _ in range(2)]
        lives = [pool.submit(living, seed) for seed in range(2)]
        try:
            for life in lives:
                life.result(25)
        finally:
            over.set()
        removed = sum(sweeper.result(5) for sweeper in sweepers)
    assert frames.lost == []
    assert removed > 10, "the sweepers had nothing to do"
    assert all(frames.is_there(content_hash) for content_hash in frames.rows)
