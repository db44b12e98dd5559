"""Pictures that no frame has are removed while others are taken in; whoever stops, none is lost."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from backend.core.content_store import ContentStore
from backend.core.database import Database, get_database
from backend.core.errors import Unavailable
from backend.services.ingest.stage import FoundFile
from backend.services.upkeep.removal import Removal
from backend.tests.fixtures.ingest import Bench, picture

LONG_AGO_NS = 1_500_000_000_000_000_000
BEFORE_NS = LONG_AGO_NS + 1


@pytest.fixture
def bench(integration_db: str, tmp_path: Path) -> Bench:
    root = tmp_path / "cameras"
    root.mkdir()
    return Bench(root, tmp_path / "pictures", get_database())


def put_long_ago(store: ContentStore, data: bytes) -> bytes:
    content_hash = hashlib.sha256(data).digest()
    store.put(content_hash, data)
    os.utime(store.path(content_hash), ns=(LONG_AGO_NS, LONG_AGO_NS))
    return content_hash


def lying(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


async def test_only_what_no_frame_has_is_removed(bench: Bench) -> None:
    bench.put("gate/a.jpg", picture(0))
    await bench.take("gate/a.jpg")
    store = ContentStore(bench.pictures)
    needed, orphan = put_long_ago(store, picture(0)), put_long_ago(store, picture(1))
    removal = Removal(bench.database, store)
    assert await removal.remove([needed, orphan], before_ns=BEFORE_NS) == 1
    assert lying(bench.pictures) == {needed.hex()}


async def test_more_than_are_asked_for_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.services.upkeep.removal._AT_ONCE", 2)
    store = ContentStore(bench.pictures)
    orphans = [put_long_ago(store, bytes([number])) for number in range(5)]
    assert await Removal(bench.database, store).remove(orphans, before_ns=BEFORE_NS) == 5
    assert lying(bench.pictures) == set()


class LostDatabase(Database):
    """Gives up in the middle of a question."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with super().transaction() as session:
            yield session
            raise Unavailable("no database", code="database.unavailable")


async def test_without_an_answer_all_is_put_back(bench: Bench, integration_db: str) -> None:
    store = ContentStore(bench.pictures)
    orphan = put_long_ago(store, picture(1))
    database = LostDatabase(integration_db)
    with pytest.raises(Unavailable):
        await Removal(database, store).remove([orphan], before_ns=BEFORE_NS)
    await database.close()
    # What the ledger said is not to be trusted until it has committed; either place will do.
    assert store.read(orphan) == picture(1)


@pytest.mark.slow
async def test_what_is_taken_in_meanwhile_stays(bench: Bench) -> None:
    """Round by round the same pictures are nobody's, are removed, and come again: all at once."""
    store = ContentStore(bench.pictures)
    names = [f"gate/{number}.jpg" for number in range(8)]
    for number, name in enumerate(names):
        bench.put(name, picture(number))
    removed = 0
    for _ in range(15):
        await bench.rows("DELETE FROM frames RETURNING id")
        hashes = [put_long_ago(store, picture(number)) for number in range(8)]
        ingest = bench.ingest()
        counts = await asyncio.gather(
            Removal(bench.database, store).remove(hashes[:4], before_ns=BEFORE_NS),
            ingest.handle([FoundFile(name, "watch") for name in names]),
            Removal(bench.database, store).remove(hashes[4:], before_ns=BEFORE_NS),
            Removal(bench.database, store).remove(hashes[2:6], before_ns=BEFORE_NS),
        )
        removed += sum(count for count in counts if count is not None)
        assert await bench.paths() == names
        assert [store.read(content_hash) for content_hash in hashes] == [
            picture(number) for number in range(8)
        ]
    assert removed > 0, "nothing was removed meanwhile"
