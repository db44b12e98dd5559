"""What fails while files are taken in: nothing is lost or half done, all is tried again."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from backend.core.content_store import ContentStore
from backend.core.database import Database
from backend.core.errors import Unavailable
from backend.services.ingest.reading import Moving, read_picture
from backend.services.ingest.scan import slices
from backend.services.ingest.stage import FoundFile, Ingest, Intake
from backend.tests.fixtures.ingest import LIMITS, Bench, ScriptedSource, picture, until


class InterruptedDatabase(Database):
    """Gives up in the transaction with the given number (from 1), before or after its commit."""

    def __init__(self, url: str, number: int, *, committed: bool) -> None:
        super().__init__(url)
        self._left = number
        self._committed = committed

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        self._left -= 1
        async with super().transaction() as session:
            yield session
            if self._left == 0 and not self._committed:
                raise Unavailable("no database", code="database.unavailable")
        if self._left == 0:
            raise Unavailable("no answer to the commit", code="database.unavailable")


async def sleeping(bench: Bench) -> None:
    await until(lambda: bench.clock.sleepers, "the pause before the next attempt")


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("number", [1, 2])
async def test_the_database_goes_in_the_middle(
    bench: Bench, integration_db: str, number: int, committed: bool
) -> None:
    bench.put("gate/a.jpg", picture(0))
    bench.put("gate/b.jpg", b"text")
    bench.put("gate/c.jpg", picture(1))
    database = InterruptedDatabase(integration_db, number, committed=committed)
    source = ScriptedSource(
        [FoundFile("gate/a.jpg", "watch"), FoundFile("gate/b.jpg", "watch")],
        [FoundFile("gate/c.jpg", "watch")],
    )
    running = asyncio.create_task(bench.ingest(database=database).run(source))
    await sleeping(bench)
    bench.clock.advance(1)
    await running
    await database.close()
    assert await bench.paths() == ["gate/a.jpg", "gate/c.jpg"]
    assert await bench.bad() == {"gate/b.jpg": "picture.not_a_picture"}


class LostDatabase(Database):
    """Answers some times, and then no more."""

    def __init__(self, url: str, times: int) -> None:
        super().__init__(url)
        self._left = times

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        self._left -= 1
        if self._left < 0:
            raise Unavailable("no database", code="database.unavailable")
        async with super().transaction() as session:
            yield session


async def test_the_database_goes_before_files_can_be_removed(
    bench: Bench, integration_db: str
) -> None:
    """They are frames, and not taken in again; the next scan removes them."""
    path = bench.put("gate/a.jpg", picture())
    database = LostDatabase(integration_db, 2)
    ingest = bench.ingest(remove_after_import=True, database=database)
    with capture_logs() as logs:
        await ingest.handle([FoundFile("gate/a.jpg", "watch")])
    await database.close()
    assert [line["files"] for line in logs if line["event"] == "files not removed"] == [1]
    assert path.exists()
    async for batch in slices(bench.root):
        await bench.ingest(remove_after_import=True).handle(batch)
    assert not path.exists()
    assert await bench.paths() == ["gate/a.jpg"]


async def test_files_of_a_deleted_camera_are_counted_once_although_the_disk_was_full(
    bench: Bench,
) -> None:
    bench.put("old/a.jpg", picture())
    await bench.take("old/a.jpg")
    await bench.delete_camera()
    bench.put("gate/a.jpg", picture())
    found = [FoundFile("old/b.jpg", "watch"), FoundFile("gate/a.jpg", "watch")]
    store = FullStore(bench.pictures)
    running = asyncio.create_task(_with(bench, store).run(ScriptedSource(found)))
    await sleeping(bench)
    store.is_full = False
    bench.clock.advance(1)
    await running
    (row,) = await bench.rows("SELECT ignored_files FROM cameras WHERE deleted_at IS NOT NULL")
    assert row["ignored_files"] == 1


async def test_the_server_ends_the_connection(bench: Bench, db_session: AsyncSession) -> None:
    """The real thing: its backend is terminated while the frames are stored."""
    bench.put("gate/a.jpg", picture())
    await db_session.execute(text("LOCK TABLE frames IN EXCLUSIVE MODE"))
    source = ScriptedSource([FoundFile("gate/a.jpg", "watch")])
    running = asyncio.create_task(bench.ingest().run(source))
    await bench.answered(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    await db_session.rollback()
    await sleeping(bench)
    bench.clock.advance(1)
    await running
    assert await bench.paths() == ["gate/a.jpg"]


async def test_no_database_at_all(bench: Bench) -> None:
    bench.put("gate/a.jpg", picture())
    nowhere = Database("postgresql+asyncpg://nobody@127.0.0.1:9/none")
    with pytest.raises(Unavailable):
        await bench.ingest(database=nowhere).handle([FoundFile("gate/a.jpg", "watch")])
    await nowhere.close()


async def test_no_bells(bench: Bench) -> None:
    bench.put("gate/a.jpg", picture())
    bench.bells.broken = True
    await bench.take("gate/a.jpg")
    assert await bench.paths() == ["gate/a.jpg"]


class FullStore(ContentStore):
    """A disk that is full until somebody makes room."""

    is_full = True

    def put(self, content_hash: bytes, data: bytes) -> None:
        if self.is_full:
            raise Unavailable("No space left on device", code="pictures.unwritable")
        super().put(content_hash, data)


def _with(bench: Bench, store: ContentStore) -> Ingest:
    intake = Intake(bench.root, store, LIMITS, bench.zone)
    return Ingest(intake, bench.database, bench.bells, bench.clock)


async def test_the_disk_is_full_then_freed(bench: Bench) -> None:
    places = [f"gate/{number}.jpg" for number in range(10)]
    for number, place in enumerate(places):
        bench.put(place, picture(number))
    store = FullStore(bench.pictures)
    source = ScriptedSource([FoundFile(place, "watch") for place in places])
    running = asyncio.create_task(_with(bench, store).run(source))
    await sleeping(bench)
    assert (await bench.frames(), await bench.bad()) == ([], {})
    assert await bench.rows("SELECT 1 FROM cameras") == []
    store.is_full = False
    bench.clock.advance(1)
    await running
    assert await bench.paths() == places


async def test_a_store_that_cannot_be_written(bench: Bench) -> None:
    bench.put("gate/a.jpg", picture())
    bench.pictures.write_bytes(b"a file where the folder must be")
    with pytest.raises(Unavailable):
        await bench.take("gate/a.jpg")
    assert await bench.frames() == []
    bench.pictures.unlink()
    await bench.take("gate/a.jpg")
    assert await bench.paths() == ["gate/a.jpg"]


async def test_an_unexpected_error_closes_the_source(bench: Bench) -> None:
    """The supervisor begins anew: until then nobody may go on finding files."""

    class BrokenStore(ContentStore):
        def put(self, content_hash: bytes, data: bytes) -> None:
            raise ZeroDivisionError

    bench.put("gate/a.jpg", picture())
    source = ScriptedSource([FoundFile("gate/a.jpg", "watch")])
    with pytest.raises(ZeroDivisionError):
        await _with(bench, BrokenStore(bench.pictures)).run(source)
    assert source.closed


def grows(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def is_written_anew(path: Path) -> None:
    path.write_bytes(bytes(reversed(path.read_bytes())))
    os.utime(path, (1, 1))


def shrinks(path: Path) -> None:
    os.truncate(path, 100)


@pytest.mark.parametrize("change", [grows, is_written_anew, shrinks])
def test_a_file_that_changes_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    """It changes between the look at the open file and the reading of it."""
    path = tmp_path / "root" / "gate" / "a.jpg"
    path.parent.mkdir(parents=True)
    path.write_bytes(picture())
    resolve = Path.resolve

    def changing(self: Path, strict: bool = False) -> Path:
        change(path)
        return resolve(self, strict)

    monkeypatch.setattr(Path, "resolve", changing)
    with pytest.raises(Moving):
        read_picture(tmp_path / "root", "gate/a.jpg", LIMITS)


async def test_a_file_that_is_gone_is_nothing(bench: Bench) -> None:
    bench.put("gate/b.jpg", picture())
    await bench.take("gate/a.jpg", "no folder/a.jpg", "gate/b.jpg/c.jpg", "gate/b.jpg")
    assert (await bench.paths(), await bench.bad()) == (["gate/b.jpg"], {})
