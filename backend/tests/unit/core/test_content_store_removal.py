"""Contents are removed while others put and read the same: none is lost that somebody needs."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.core.content_store import ContentStore
from backend.core.errors import NotFound

DATA = b"a picture"
HASH = hashlib.sha256(DATA).digest()
LONG_AGO_NS = 1_500_000_000_000_000_000
BEFORE_NS = LONG_AGO_NS + 1


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    """With one content, put long ago."""
    store = ContentStore(tmp_path / "pictures")
    store.put(HASH, DATA)
    age(store, HASH)
    return store


def age(store: ContentStore, content_hash: bytes) -> None:
    os.utime(store.path(content_hash), ns=(LONG_AGO_NS, LONG_AGO_NS))


def lying(store: ContentStore) -> list[Path]:
    return list(store.path(HASH).parent.iterdir())


def test_what_nobody_needs_goes(store: ContentStore) -> None:
    aside = store.set_aside(HASH)
    assert aside is not None
    assert store.drop(aside, before_ns=BEFORE_NS)
    assert lying(store) == []


def test_it_is_read_while_it_is_set_aside(store: ContentStore) -> None:
    aside = store.set_aside(HASH)
    assert aside is not None
    assert store.read(HASH) == DATA
    store.put_back(aside)
    assert store.read(HASH) == DATA
    assert lying(store) == [store.path(HASH)]


def test_what_was_put_back_is_not_old(store: ContentStore) -> None:
    aside = store.set_aside(HASH)
    assert aside is not None
    store.put_back(aside)
    assert store.path(HASH).stat().st_mtime_ns > BEFORE_NS


def test_what_is_not_there_is_not_set_aside(store: ContentStore) -> None:
    assert store.set_aside(hashlib.sha256(b"other").digest()) is None


def test_two_may_end_the_same_removal(store: ContentStore) -> None:
    aside = store.set_aside(HASH)
    assert aside is not None
    assert store.drop(aside, before_ns=BEFORE_NS)
    assert not store.drop(aside, before_ns=BEFORE_NS)
    store.put_back(aside)
    assert lying(store) == []


Step = Callable[[ContentStore], None]


@pytest.mark.parametrize("put_at", [0, 1, 2])
def test_a_put_at_each_step_keeps_the_content(store: ContentStore, put_at: int) -> None:
    """Before it is set aside, before it is dropped, and afterwards."""
    kept: list[Path] = []

    def set_aside(store: ContentStore) -> None:
        aside = store.set_aside(HASH)
        assert aside is not None
        kept.append(aside)

    def drop(store: ContentStore) -> None:
        store.drop(kept[0], before_ns=BEFORE_NS)

    def put(store: ContentStore) -> None:
        store.put(HASH, DATA)

    steps: list[Step] = [set_aside, drop]
    steps.insert(put_at, put)
    for step in steps:
        step(store)
    assert store.read(HASH) == DATA
    assert lying(store) == [store.path(HASH)]


@pytest.mark.parametrize("needed", [False, True])
def test_stopped_before_its_end_another_ends_it(store: ContentStore, needed: bool) -> None:
    store.set_aside(HASH)
    (aside,) = store.shelf(HASH[0]).set_aside
    if needed:
        store.put_back(aside)
        assert store.read(HASH) == DATA
    else:
        assert store.drop(aside, before_ns=BEFORE_NS)
        with pytest.raises(NotFound):
            store.read(HASH)
