"""The same file is one frame for ever, however often and by whomever it is found."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from backend.core.content_store import ContentStore
from backend.services.ingest import removal
from backend.services.ingest.reading import ASIDE, mark_of
from backend.services.ingest.scan import slices
from backend.services.ingest.stage import FoundFile, Ingest, Intake
from backend.services.stores import cameras
from backend.tests.fixtures.ingest import LIMITS, Bench, RecordingBells, ScriptedSource, picture

BURST = 300


class CountingStore(ContentStore):
    """Counts how often something is stored: so often was a file read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.puts = 0

    def put(self, content_hash: bytes, data: bytes) -> None:
        self.puts += 1
        super().put(content_hash, data)


def names(bench: Bench) -> list[str]:
    return sorted(path.name for path in (bench.root / "gate").iterdir())


def counting(bench: Bench) -> tuple[Ingest, CountingStore]:
    store = CountingStore(bench.pictures)
    intake = Intake(bench.root, store, LIMITS, bench.zone)
    return Ingest(intake, bench.database, bench.bells, bench.clock), store


async def test_a_copy_is_kept_under_its_hash(bench: Bench) -> None:
    path = bench.put("gate/a.jpg", picture())
    await bench.take("gate/a.jpg")
    (frame,) = await bench.frames()
    path.write_bytes(b"overwritten")
    assert ContentStore(bench.pictures).read(frame["content_hash"]) == picture()


async def test_heard_of_and_scanned_and_after_a_restart(bench: Bench) -> None:
    bench.put("gate/a.jpg", picture())
    await bench.take("gate/a.jpg", "gate/a.jpg")
    await bench.take("gate/a.jpg")
    await bench.scan()
    assert len(await bench.frames()) == 1
    (frame,) = await bench.frames()
    assert (frame["found_by"], frame["state"]) == ("watch", "received")


async def test_a_long_time_later(bench: Bench) -> None:
    path = bench.put("gate/a.jpg", picture())
    await bench.take("gate/a.jpg")
    bench.clock.advance(86_400 * 300)
    bench.touch(path, bench.clock.now())
    await bench.scan()
    assert len(await bench.frames()) == 1


async def test_the_same_name_with_other_content_is_another_frame(bench: Bench) -> None:
    for number in range(3):
        bench.put("gate/latest.jpg", picture(number))
        await bench.take("gate/latest.jpg")
    assert await bench.paths() == ["gate/latest.jpg"] * 3


async def test_the_same_content_elsewhere_is_another_frame(bench: Bench) -> None:
    for place in ("door/a.jpg", "gate/a.jpg", "gate/b.jpg"):
        bench.put(place, picture())
    await bench.scan()
    assert await bench.paths() == ["door/a.jpg", "gate/a.jpg", "gate/b.jpg"]
    assert len([path for path in bench.pictures.rglob("*") if path.is_file()]) == 1


async def test_two_at_once(bench: Bench) -> None:
    """The watcher hears of what the scan is at, in another order, with cameras that are new."""
    places = [f"camera {number % 7}/{number}.jpg" for number in range(BURST)]
    for number, place in enumerate(places):
        bench.put(place, picture(number))
    heard = [FoundFile(place, "watch") for place in reversed(places)]
    source = ScriptedSource(*(heard[i : i + 64] for i in range(0, BURST, 64)))
    await asyncio.gather(bench.scan(), bench.ingest().run(source), bench.scan())
    assert sorted(await bench.paths()) == sorted(places)


async def test_two_at_once_that_know_the_files(bench: Bench, db_session: AsyncSession) -> None:
    """Both store the same rows, found in opposite orders: neither waits for the other for ever."""
    places = [f"gate/{number:02}.jpg" for number in range(20)]
    for number, place in enumerate(places):
        bench.put(place, picture(number))
    await bench.scan()
    await db_session.execute(text("SELECT 1 FROM frames WHERE path = '10.jpg' FOR UPDATE"))
    found = [FoundFile(place, "watch") for place in places]
    both = asyncio.gather(bench.ingest().handle(found), bench.ingest().handle(found[::-1]))
    await bench.answered(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
        "AND wait_event_type = 'Lock' HAVING count(*) = 2"
    )
    await db_session.rollback()
    await both
    assert len(await bench.frames()) == 20


async def test_what_a_scan_knows_is_not_read_again(bench: Bench) -> None:
    bench.put("gate/good.jpg", picture())
    bench.put("gate/bad.jpg", b"text")
    for expected in (1, 0):
        ingest, store = counting(bench)
        async for batch in slices(bench.root):
            await ingest.handle(batch)
        assert store.puts == expected
    (record,) = await bench.rows("SELECT first_seen_at, last_seen_at FROM quarantined_files")
    bench.clock.advance(60)
    await bench.scan()
    assert await bench.rows("SELECT first_seen_at, last_seen_at FROM quarantined_files") == [record]


async def test_a_file_that_has_a_new_time_is_read_once(bench: Bench) -> None:
    path = bench.put("gate/a.jpg", picture())
    await bench.scan()
    bench.touch(path, bench.clock.now() - timedelta(seconds=1))
    ingest, store = counting(bench)
    source = [FoundFile("gate/a.jpg", "scan", mark_of(path.stat()))]
    await ingest.handle(source)
    await ingest.handle(source)
    assert store.puts == 1
    assert len(await bench.frames()) == 1


async def test_a_file_replaced_by_one_of_the_same_size_and_time_is_read(bench: Bench) -> None:
    path = bench.put("gate/a.jpg", picture(0))
    await bench.scan()
    staged = bench.put("gate/new.tmp", picture(14))
    assert staged.stat().st_size == path.stat().st_size
    os.replace(staged, path)  # noqa: PTH105
    await bench.scan()
    assert len(await bench.frames()) == 2


async def test_removed_after_import(bench: Bench) -> None:
    good = bench.put("gate/good.jpg", picture())
    bad = bench.put("gate/bad.jpg", b"text")
    ingest = bench.ingest(remove_after_import=True)
    await ingest.handle([FoundFile("gate/good.jpg", "watch"), FoundFile("gate/bad.jpg", "watch")])
    assert (good.exists(), bad.exists()) == (False, True)
    assert await bench.paths() == ["gate/good.jpg"]


async def test_a_file_that_was_taken_in_and_not_removed_is_removed_by_a_scan(bench: Bench) -> None:
    """As after a crash between the commit and the removal, or where the setting is new."""
    known, bad = bench.put("gate/a.jpg", picture()), bench.put("gate/b.jpg", b"text")
    await bench.scan()
    ingest = bench.ingest(remove_after_import=True)
    async for batch in slices(bench.root):
        await ingest.handle(batch)
    assert (known.exists(), bad.exists()) == (False, True)
    assert await bench.paths() == ["gate/a.jpg"]
    assert len(bench.bells.rung) == 1


async def test_a_file_is_not_removed_on_the_word_of_its_size_and_time(bench: Bench) -> None:
    path = bench.put("gate/a.jpg", picture(0))
    await bench.scan()
    mark = mark_of(path.stat())
    with path.open("r+b") as file:  # in place, as a camera that writes over one file would
        file.write(picture(14))
    os.utime(path, ns=(mark.mtime_ns, mark.mtime_ns))
    assert mark_of(path.stat()) == mark
    await bench.ingest(remove_after_import=True).handle([FoundFile("gate/a.jpg", "scan", mark)])
    assert len(await bench.frames()) == 2
    assert not path.exists()


class HappeningStore(ContentStore):
    """Something happens to the camera between the reading of a file and its row."""

    def __init__(self, folder: Path, happens: Callable[[], Coroutine[Any, Any, object]]) -> None:
        super().__init__(folder)
        self._happens = happens
        self._loop = asyncio.get_running_loop()

    def put(self, content_hash: bytes, data: bytes) -> None:
        super().put(content_hash, data)
        asyncio.run_coroutine_threadsafe(self._happens(), self._loop).result(4)


async def test_a_file_whose_camera_is_deleted_before_it_is_stored_stays(bench: Bench) -> None:
    bench.put("gate/a.jpg", picture())
    await bench.take("gate/a.jpg")
    path = bench.put("gate/b.jpg", picture(1))
    store = HappeningStore(bench.pictures, bench.delete_camera)
    intake = Intake(bench.root, store, LIMITS, bench.zone, remove_after_import=True)
    ingest = Ingest(intake, bench.database, bench.bells, bench.clock)
    await ingest.handle([FoundFile("gate/b.jpg", "watch")])
    assert await bench.frames() == []
    assert path.exists()


class HappeningBells(RecordingBells):
    """Something happens to the camera between a file's row and its removal."""

    def __init__(self, happens: Callable[[], Coroutine[Any, Any, object]]) -> None:
        super().__init__()
        self._happens = happens

    async def ring(self, name: str, lane: str) -> None:
        await self._happens()


async def test_a_file_whose_camera_is_deleted_before_it_is_removed_stays(bench: Bench) -> None:
    path = bench.put("gate/a.jpg", picture())

    async def delete_and_restore() -> None:
        await bench.restore_camera(await bench.delete_camera())

    bench.bells = HappeningBells(delete_and_restore)
    ingest = bench.ingest(remove_after_import=True)
    await ingest.handle([FoundFile("gate/a.jpg", "watch")])
    assert await bench.frames() == []
    assert path.exists()


async def test_a_camera_cannot_be_deleted_while_its_files_are_removed(
    bench: Bench, db_session: AsyncSession
) -> None:
    bench.put("gate/a.jpg", picture())
    await bench.take("gate/a.jpg")
    assert list(await cameras.hold(db_session, {"gate", "door"})) == ["gate"]
    deleting = asyncio.create_task(bench.delete_camera())
    await bench.answered("SELECT 1 FROM pg_locks WHERE NOT granted")
    assert len(await bench.frames()) == 1
    await db_session.rollback()
    await deleting
    assert await bench.frames() == []


async def test_a_file_replaced_before_it_could_be_removed_stays(bench: Bench) -> None:
    path = bench.put("gate/latest.jpg", picture(0))

    class ReplacingBells(RecordingBells):
        async def ring(self, name: str, lane: str) -> None:
            bench.put("gate/latest.jpg", picture(1))

    bench.bells = ReplacingBells()
    ingest = bench.ingest(remove_after_import=True)
    await ingest.handle([FoundFile("gate/latest.jpg", "watch")])
    assert path.read_bytes() == picture(1)


async def test_a_file_that_was_gone_before_it_could_be_removed(bench: Bench) -> None:
    path = bench.put("gate/a.jpg", picture())

    class RemovingBells(RecordingBells):
        async def ring(self, name: str, lane: str) -> None:
            path.unlink()

    bench.bells = RemovingBells()
    ingest = bench.ingest(remove_after_import=True)
    await ingest.handle([FoundFile("gate/a.jpg", "watch")])
    assert await bench.paths() == ["gate/a.jpg"]


async def test_a_file_that_cannot_be_removed_is_a_frame_all_the_same(bench: Bench) -> None:
    bench.put("gate/a.jpg", picture())

    class BarringBells(RecordingBells):
        async def ring(self, name: str, lane: str) -> None:
            bench.root.rename(bench.root.with_name("away"))
            bench.root.symlink_to(bench.root)  # every path below it is a loop now

    bench.bells = BarringBells()
    ingest = bench.ingest(remove_after_import=True)
    with capture_logs() as logs:
        await ingest.handle([FoundFile("gate/a.jpg", "watch")])
    assert await bench.paths() == ["gate/a.jpg"]
    assert [line["path"] for line in logs if line["event"] == "file not removed"] == ["gate/a.jpg"]


async def test_what_is_not_removed_before_the_transaction_is_ended_stays(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a camera could be deleted meanwhile, and with it the only trace of a picture."""

    def slow_look(path: Path) -> os.stat_result:
        bench.clock.advance(3)  # twice for each
        return path.stat()

    monkeypatch.setattr(removal, "look", slow_look)
    places = ["gate/a.jpg", "gate/b.jpg", "gate/c.jpg"]
    paths = [bench.put(name, picture(number)) for number, name in enumerate(places)]
    ingest = bench.ingest(remove_after_import=True)
    await ingest.handle([FoundFile(name, "watch") for name in places])
    assert await bench.paths() == places
    assert [path.exists() for path in paths] == [False, True, True]
    assert names(bench) == ["b.jpg", "c.jpg"]


@pytest.mark.parametrize("is_taken_again", [False, True])
async def test_what_takes_the_name_at_the_last_moment_is_not_removed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, is_taken_again: bool
) -> None:
    """Between the last look and the removal; and another while it is put back."""
    path = bench.put("gate/latest.jpg", picture(0))
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if self == path:
            bench.put("gate/latest.jpg", picture(1))
        renamed = real(self, target)
        if self == path and is_taken_again:
            bench.put("gate/latest.jpg", picture(2))
        return renamed

    monkeypatch.setattr(Path, "rename", rename)
    await bench.ingest(remove_after_import=True).handle([FoundFile("gate/latest.jpg", "watch")])
    left = {one.read_bytes() for one in (bench.root / "gate").iterdir()}
    assert left == ({picture(1), picture(2)} if is_taken_again else {picture(1)})
    monkeypatch.undo()
    await bench.scan()
    assert len(await bench.frames()) == 1 + len(left)


async def test_what_a_broken_off_removal_has_left_is_settled_by_a_scan(bench: Bench) -> None:
    """What the ledger has goes, and what nobody has read is shown; but not a removal of now."""
    known = bench.put("gate/a.jpg", picture(0))
    await bench.scan()
    known.rename(known.with_name(f"{ASIDE}1.jpg"))
    bench.put(f"gate/{ASIDE}2.jpg", picture(1))
    bench.clock.jump(datetime.now(UTC) - bench.clock.now())
    await bench.scan()
    assert names(bench) == [f"{ASIDE}1.jpg", f"{ASIDE}2.jpg"]
    bench.clock.jump(timedelta(minutes=2))
    await bench.scan()
    assert names(bench) == ["put-back-2.jpg"]
    await bench.scan()
    assert await bench.paths() == ["gate/a.jpg", "gate/put-back-2.jpg"]


async def test_left_alone_by_default(bench: Bench) -> None:
    path = bench.put("gate/a.jpg", picture())
    await bench.take("gate/a.jpg")
    assert path.exists()


async def test_bells_say_which_camera_and_lane(bench: Bench) -> None:
    for place in ("door/a.jpg", "gate/a.jpg"):
        bench.put(place, picture())
    await bench.take("gate/a.jpg")
    await bench.scan()
    rows = {frame["slug"]: str(frame["camera_id"]) for frame in await bench.frames()}
    assert bench.bells.rung == [(rows["gate"], "live"), (rows["door"], "backlog")]
    await bench.scan()
    await bench.take("gate/a.jpg")
    assert len(bench.bells.rung) == 2, "nothing new, no bell"


@pytest.mark.slow
async def test_a_burst(bench: Bench) -> None:
    for number in range(1000):
        bench.put(f"gate/{number}.jpg", picture(number))
    await bench.scan()
    assert len(await bench.frames()) == 1000
