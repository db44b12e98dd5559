"""All that can be wrong with what is kept is found, mended where it can be, and then gone."""

import asyncio
import hashlib
import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from backend.core.clock import SystemClock
from backend.core.content_store import MARK, ContentStore, Shelf
from backend.core.database import Database
from backend.core.errors import Unavailable
from backend.core.queue import StreamBells
from backend.core.redis import RedisClient
from backend.core.supervisor import Supervisor
from backend.domain.frames import Lane
from backend.domain.thumbnails import thumbnail_path
from backend.migrations.run import newest
from backend.services.detection.redraw import Redraw
from backend.services.ingest.originals import Originals
from backend.services.ingest.picture_disk import PictureDisk
from backend.services.ingest.reading import Limits
from backend.services.live.relay import OutboxRelay
from backend.services.stores import inventory
from backend.services.upkeep import fsck, picture_check, thumbnail_check, work_check
from backend.services.upkeep.consistency import ANSWERS
from backend.services.upkeep.fsck import Checks, Fsck, Wishes
from backend.services.upkeep.heartbeat import Heartbeat
from backend.services.upkeep.picture_check import Ages, PictureCheck
from backend.services.upkeep.reconciler import Reconciler
from backend.services.upkeep.sweep import Sweep
from backend.services.upkeep.thumbnail_check import ThumbnailCheck
from backend.services.upkeep.verdicts import Verdict
from backend.services.upkeep.work_check import WorkCheck
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.detectors import found
from backend.tests.fixtures.ledger import NOON, Ledger
from backend.tests.fixtures.stages import Works, asleep, live

pytestmark = pytest.mark.slow  # each look is at everything, and most tests look four times

SECOND = timedelta(seconds=1)
LIMITS = Limits(1_000_000, 1_000_000)
ORPHAN = b"nobody's"
ORPHAN_HASH = hashlib.sha256(ORPHAN).digest()


@dataclass
class House:
    """A ledger with three attached frames and an empty one, their files, and what looks at all."""

    ledger: Ledger
    redis: RedisClient
    frames: list[int] = field(default_factory=list)
    clock: ManualClock = field(
        # Two hours ahead of the files' own time: to it they are all old.
        default_factory=lambda: ManualClock(SystemClock().now() + timedelta(hours=2))
    )

    @property
    def root(self) -> Path:
        return self.ledger.folder / "cameras"

    def pictures(self) -> ContentStore:
        store = ContentStore(self.ledger.folder / "data" / "pictures")
        self.ledger.folder.joinpath("data").mkdir(exist_ok=True)
        return store

    def bells(self) -> StreamBells:
        return StreamBells(self.redis, list(Lane), hearer="fsck")

    def picture_check(self, store: ContentStore) -> PictureCheck:
        database = self.ledger.database
        originals = Originals(self.root, store, database, LIMITS)
        return PictureCheck(database, store, originals, self.clock)

    def thumbnail_check(self, store: ContentStore) -> ThumbnailCheck:
        database, folder = self.ledger.database, self.ledger.thumbnails
        return ThumbnailCheck(database, folder, Redraw(database, store, folder))

    def fsck(self, database: Database | None = None, *, schema: str | None = None) -> Fsck:
        database = database or self.ledger.database
        store = self.ledger.pictures
        work = WorkCheck(
            database,
            self.redis,
            self.clock,
            reconcile=Reconciler(database, self.bells(), self.clock).reconcile,
            relay=OutboxRelay(database, self.redis, self.clock).relay,
        )
        checks = Checks(self.picture_check(store), self.thumbnail_check(store), work)
        return Fsck(database, store, checks, self.clock, newest=schema or newest())

    def sweep(self) -> Sweep:
        store = self.ledger.pictures
        disk = PictureDisk(store, self.ledger.database, self.clock)
        return Sweep(
            self.ledger.database,
            self.picture_check(store),
            self.thumbnail_check(store),
            self.clock,
            disk.check,
        )

    async def verdicts(
        self, *, repair: bool = False, thorough: bool = False, accept_folder: bool = False
    ) -> list[Verdict]:
        wishes = Wishes(repair, thorough, accept_folder)
        return await self.fsck().run(wishes, lambda *_: None)

    async def wrong(self, *, repair: bool = False, thorough: bool = False) -> dict[str, Verdict]:
        """What is not as it must be, or was not."""
        verdicts = await self.verdicts(repair=repair, thorough=thorough)
        assert [one.hindrance for one in verdicts if one.hindrance] == []
        return {one.name: one for one in verdicts if one.wrong}

    async def hash_of(self, frame: int) -> bytes:
        (row,) = await self.ledger.rows("SELECT content_hash FROM frames WHERE id = :id", id=frame)
        return bytes(row["content_hash"])

    async def copy_of(self, frame: int) -> Path:
        return self.ledger.pictures.path(await self.hash_of(frame))

    async def keep_originals(self) -> None:
        """Let every frame's file lie in its camera's folder still."""
        rows = await self.ledger.rows(
            "SELECT c.folder, f.path, f.content_hash FROM frames f "
            "JOIN cameras c ON c.id = f.camera_id"
        )
        for row in rows:
            place = self.root / row["folder"] / row["path"]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(self.ledger.pictures.read(row["content_hash"]))

    async def swept(self) -> int:
        """How much a sweep removes, whose pauses take no time."""
        sweeping = asyncio.create_task(self.sweep().sweep())
        while not sweeping.done():
            self.clock.advance(0.2)
            await asyncio.sleep(0)
        return await sweeping

    async def beat(self, worker: str = "one", breaker: str = "closed") -> None:
        """Let a worker be alive, and its detector's breaker be so."""
        heartbeat = Heartbeat(
            self.redis,
            self.clock,
            worker,
            Supervisor(self.clock),
            lambda: {"breakers": {"detector": {"state": breaker}}},
        )
        await heartbeat.beat()


@pytest.fixture
async def house(ledger: Ledger, real_redis: RedisClient) -> House:
    works = Works(ledger)
    camera = await ledger.camera()
    disk = PictureDisk(ledger.pictures, ledger.database, works.clock)
    await disk.check()
    times = [NOON + number * SECOND for number in range(4)]
    works.detector.script |= dict.fromkeys(times[:3], found("person", "cat"))
    frames = await ledger.frames(camera, times)
    await works.stage().handle(live(camera))
    await OutboxRelay(ledger.database, real_redis, works.clock).relay()
    made = House(ledger, real_redis, frames)
    await made.keep_originals()
    return made


async def test_what_is_whole_is_clean(house: House) -> None:
    verdicts = {one.name: one for one in await house.verdicts(thorough=True)}
    assert [one for one in verdicts.values() if not one.is_clean] == []
    assert verdicts[picture_check.COPIES].looked_at == 4
    assert verdicts[thumbnail_check.DRAWN].looked_at == 3


async def test_a_ledger_that_was_never_used_is_clean(
    ledger: Ledger, real_redis: RedisClient
) -> None:
    assert await House(ledger, real_redis).wrong() == {}


Damage = Callable[[House], Awaitable[None]]


async def copy_gone(house: House) -> None:
    (await house.copy_of(house.frames[0])).unlink()


async def copy_cut(house: House) -> None:
    os.truncate(await house.copy_of(house.frames[3]), 10)


async def orphan(house: House) -> None:
    house.ledger.pictures.put(ORPHAN_HASH, ORPHAN)


async def half_written(house: House) -> None:
    copy = await house.copy_of(house.frames[0])
    copy.with_name(f".{copy.name}.0123abcd").write_bytes(b"half")


async def half_removed(house: House) -> None:
    house.ledger.pictures.set_aside(await house.hash_of(house.frames[0]))


async def orphan_half_removed(house: House) -> None:
    house.ledger.pictures.put(ORPHAN_HASH, ORPHAN)
    house.ledger.pictures.set_aside(ORPHAN_HASH)


async def no_thumbnail(house: House) -> None:
    thumbnail_path(house.ledger.thumbnails, house.frames[1]).unlink()


async def no_thumbnails(house: House) -> None:
    shutil.rmtree(house.ledger.thumbnails)


async def orphan_thumbnails(house: House) -> None:
    for frame in (house.frames[-1] + 1000, house.frames[-1] + 100_000):
        path = thumbnail_path(house.ledger.thumbnails, frame)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")


async def half_written_thumbnail(house: House) -> None:
    path = thumbnail_path(house.ledger.thumbnails, house.frames[0])
    path.with_name(f".{path.name}.0123abcd").write_bytes(b"half")


async def stale_lease(house: House) -> None:
    await house.ledger.change(
        "UPDATE cameras SET lease_holder = 'dead#1', lease_until = :at",
        at=house.clock.now() - timedelta(minutes=6),
    )


async def lease_of_another_time(house: House) -> None:
    await house.ledger.change(
        "UPDATE cameras SET lease_holder = 'dead#1', lease_until = :at",
        at=house.clock.now() + timedelta(days=1),
    )


async def unnumbered(house: House) -> None:
    await house.ledger.change(
        "INSERT INTO outbox (written_at, camera_id, event_id, kind, payload) "
        "SELECT :at, camera_id, id, 'event.updated', '{}' FROM events",
        at=house.clock.now() - timedelta(minutes=3),
    )


DAMAGES: list[tuple[Damage, str, int]] = [
    (copy_gone, picture_check.COPIES, 1),
    (copy_cut, picture_check.WHOLE, 1),
    (orphan, picture_check.NEEDED, 1),
    (half_written, picture_check.FINISHED, 1),
    (half_removed, picture_check.FINISHED, 1),
    (orphan_half_removed, picture_check.FINISHED, 1),
    (no_thumbnail, thumbnail_check.DRAWN, 1),
    (no_thumbnails, thumbnail_check.DRAWN, 3),
    (orphan_thumbnails, thumbnail_check.NEEDED, 2),
    (half_written_thumbnail, thumbnail_check.NEEDED, 1),
    (stale_lease, work_check.LEASES, 1),
    (lease_of_another_time, work_check.LEASES, 1),
    (unnumbered, work_check.NUMBERED, 1),
]


@pytest.mark.parametrize(
    ("damage", "name", "times"), DAMAGES, ids=[one[0].__name__ for one in DAMAGES]
)
async def test_damage_is_found_and_mended(
    house: House, damage: Damage, name: str, times: int
) -> None:
    await damage(house)
    (wrong,) = (await house.wrong()).values()
    assert (wrong.name, wrong.wrong, wrong.mended) == (name, times, 0)
    assert wrong.examples
    assert wrong.remedy
    assert list(await house.wrong()) == [name], "a look changed something"
    (mended,) = (await house.wrong(repair=True)).values()
    assert (mended.name, mended.mended, mended.is_clean) == (name, times, True)
    assert await house.wrong(thorough=True) == {}


async def test_only_a_thorough_look_reads_every_picture(house: House) -> None:
    copy = await house.copy_of(house.frames[0])
    copy.write_bytes(b"x" + copy.read_bytes()[1:])
    assert await house.wrong() == {}
    assert list(await house.wrong(thorough=True)) == [picture_check.WHOLE]
    (mended,) = (await house.wrong(thorough=True, repair=True)).values()
    assert mended.is_clean
    assert await house.wrong(thorough=True) == {}


async def test_a_mended_copy_is_that_of_the_camera(house: House) -> None:
    before = (await house.copy_of(house.frames[0])).read_bytes()
    await copy_gone(house)
    await house.verdicts(repair=True)
    assert (await house.copy_of(house.frames[0])).read_bytes() == before


@pytest.mark.parametrize("there", ["nothing", "another", "a folder"])
async def test_what_cannot_be_mended_is_said(house: House, there: str) -> None:
    shutil.rmtree(house.root)
    await copy_gone(house)
    (row,) = await house.ledger.rows(
        "SELECT c.folder || '/' || f.path AS place FROM frames f "
        "JOIN cameras c ON c.id = f.camera_id WHERE f.id = :id",
        id=house.frames[0],
    )
    place = house.root / row["place"]
    place.parent.mkdir(parents=True)
    if there == "another":
        place.write_bytes(b"another")
    elif there == "a folder":
        place.mkdir()
    (left,) = (await house.wrong(repair=True)).values()
    assert (left.name, left.mended, left.is_clean) == (picture_check.COPIES, 0, False)
    assert f"frame {house.frames[0]}: the picture's copy is gone, and" in left.left[0]


async def test_a_thumbnail_without_its_picture_cannot_be_drawn(house: House) -> None:
    shutil.rmtree(house.root)
    await copy_gone(house)
    thumbnail_path(house.ledger.thumbnails, house.frames[0]).unlink()
    left = await house.wrong(repair=True)
    assert list(left) == [picture_check.COPIES, thumbnail_check.DRAWN]
    assert f"{house.root} is not there" in left[picture_check.COPIES].left[0]
    assert "gone" in left[thumbnail_check.DRAWN].left[0]


async def test_what_the_ledger_has_given_up_is_not_missed(house: House) -> None:
    frame = await house.ledger.frame(await house.ledger.camera())
    await house.ledger.change(
        "UPDATE frames SET state = 'quarantined', reason = 'no picture', finished_at = :now "
        "WHERE id = :id",
        id=frame,
        now=NOON,
    )
    (await house.copy_of(frame)).unlink()
    assert await house.wrong() == {}


async def test_what_is_foreign_is_said_and_left_alone(house: House) -> None:
    foreign = [
        house.ledger.folder / "pictures" / "holiday.jpg",
        (await house.copy_of(house.frames[0])).with_name("notes.txt"),
        house.ledger.thumbnails / "notes.txt",
        thumbnail_path(house.ledger.thumbnails, house.frames[0]).with_name("notes.txt"),
    ]
    for path in foreign:
        path.write_bytes(b"?")
    left = await house.wrong(repair=True)
    assert {name: one.wrong for name, one in left.items()} == {
        picture_check.OURS: 2,
        thumbnail_check.OURS: 2,
    }
    assert all(path.exists() for path in foreign)


async def checked(house: House, store: ContentStore) -> dict[str, Verdict]:
    ages = Ages(0, int(house.clock.now().timestamp()) * 1_000_000_000)
    check = house.picture_check(store)
    verdicts = await check.run(ages, lambda *_: None, thorough=True, repair=True)
    return {one.name: one for one in verdicts if not one.is_clean or one.mended}


async def test_a_copy_that_vanishes_while_it_is_looked_at_is_made_again(house: House) -> None:
    copy = await house.copy_of(house.frames[0])

    class VanishingStore(ContentStore):
        def shelf(self, number: int) -> Shelf:
            found = super().shelf(number)
            if any(one.hex() == copy.name for one in found.contents):
                copy.unlink()
            return found

    (mended,) = (await checked(house, VanishingStore(house.ledger.folder / "pictures"))).values()
    assert mended.mended == 1
    assert copy.exists()


async def test_what_cannot_be_removed_is_left_with_the_reason(house: House) -> None:
    await half_written(house)

    class ChangingStore(ContentStore):
        def shelf(self, number: int) -> Shelf:
            found = super().shelf(number)
            for path in found.unfinished:
                path.unlink()
                path.mkdir()  # which nobody can unlink, not even root
            return found

    (left,) = (await checked(house, ChangingStore(house.ledger.folder / "pictures"))).values()
    assert (left.name, left.wrong, left.mended) == (picture_check.FINISHED, 1, 0)
    assert "cannot be removed: Is a directory" in left.left[0]


async def test_what_is_young_is_nobodys_business(house: House) -> None:
    """Its frame may be about to be committed, and its writer at work."""
    await orphan(house)
    await half_written(house)
    house.clock.jump(timedelta(hours=-2))
    assert await house.wrong(repair=True) == {}
    assert house.ledger.pictures.read(ORPHAN_HASH) == ORPHAN


async def test_what_is_older_than_the_ledger_may_be_anothers(house: House) -> None:
    await orphan(house)
    path = house.ledger.pictures.path(ORPHAN_HASH)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    (left,) = (await house.wrong(repair=True)).values()
    assert (left.name, left.mended) == (picture_check.NEEDED, 0)
    assert path.exists()


@pytest.mark.parametrize("how", ["swept", "repaired"])
async def test_pictures_from_before_the_mark_are_swept_up_once_they_were_seen_with_their_frames(
    house: House, how: str
) -> None:
    """As of a ledger that was brought to a version that knows marks, and whose camera is deleted
    later."""
    (row,) = await house.ledger.rows("SELECT id FROM cameras")
    for frame in house.frames:
        os.utime(await house.copy_of(frame), (1_000_000_000, 1_000_000_000))
    await orphan(house)  # another's, for all we know: no frame was ever seen with it
    os.utime(house.ledger.pictures.path(ORPHAN_HASH), (1_000_000_000, 1_000_000_000))
    assert await house.swept() == 0 if how == "swept" else await house.wrong(repair=True)
    await house.ledger.change("DELETE FROM events")
    await house.ledger.change("DELETE FROM frames WHERE camera_id = :id", id=row["id"])
    house.clock.jump(timedelta(days=2))
    assert await house.swept() == 4 + 3, "the pictures and thumbnails"
    assert house.ledger.pictures.path(ORPHAN_HASH).exists()


async def test_whether_a_picture_is_needed_is_a_step_into_an_index(ledger: Ledger) -> None:
    camera = await ledger.camera()
    await ledger.change(
        """
        INSERT INTO frames (camera_id, received_at, captured_at, size, mtime_ns, inode, width,
            height, clock_suspect, content_hash, path, found_by, captured_from, state,
            finished_at)
        SELECT :camera, :now, :now, 1, n, n, 1, 1, false, sha256(CAST(n AS text)::bytea),
            n || '.jpg', 'scan', 'mtime', 'empty', :now
        FROM generate_series(1, 40000) AS n
        """,
        camera=camera,
        now=NOON,
    )
    await ledger.change("ANALYZE frames")
    hashes = [hashlib.sha256(str(n).encode()).digest() for n in range(39_950, 40_050)]
    plan, needed = await explained(ledger, hashes)
    assert needed == set(hashes[:51])
    assert "ix_frames_content_hash" in plan
    assert "Seq Scan" not in plan
    many = [hashlib.sha256(str(n).encode()).digest() for n in range(1, 1201)]
    async with ledger.database.transaction() as session:
        assert await inventory.needed_pictures(session, many) == set(many)


async def explained(ledger: Ledger, hashes: list[bytes]) -> tuple[str, set[bytes]]:
    """How PostgreSQL finds out which pictures are needed, and which are."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    async with ledger.database.transaction() as session:
        event.listen(Engine, "before_cursor_execute", note)
        try:
            needed = await inventory.needed_pictures(session, hashes)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        ((statement, values),) = asked
        connection = await session.connection()
        plan = await connection.exec_driver_sql(f"EXPLAIN {statement}", values)
        return "\n".join(plan.scalars()), needed


async def test_an_event_that_has_lost_its_detections(house: House) -> None:
    await house.ledger.change("DELETE FROM detections")
    wrong = await house.wrong(repair=True)
    assert "counted 0" in wrong["an event sums up its frames and detections"].examples[0]


async def waiting_frame(house: House) -> int:
    camera = await house.ledger.camera()
    await house.ledger.frame(camera)
    return camera


async def test_work_that_nobody_does_is_rung_for(house: House) -> None:
    camera = await waiting_frame(house)
    await house.beat()
    (wrong,) = (await house.wrong()).values()
    assert (wrong.name, wrong.wrong) == (work_check.WORK, 1)
    (rung,) = (await house.wrong(repair=True)).values()
    assert (rung.mended, rung.left) == (0, ("they were rung for: look again in a minute",))
    bell = await StreamBells(house.redis, list(Lane), hearer="worker").hear(1)
    assert bell is not None
    assert bell.name == str(camera)


async def test_without_workers_work_waits_and_is_not_stuck(house: House) -> None:
    await waiting_frame(house)
    assert await house.wrong() == {}


@pytest.mark.parametrize("breaker", ["open", "half-open"])
async def test_work_that_waits_for_the_detector_is_not_stuck(house: House, breaker: str) -> None:
    await waiting_frame(house)
    await house.beat(breaker=breaker)
    assert await house.wrong() == {}
    await house.beat("two")
    assert list(await house.wrong()) == [work_check.WORK]


async def relayed_nothing() -> None:
    pass


async def test_what_a_relay_could_not_number_is_not_said_to_be_mended(house: House) -> None:
    await unnumbered(house)
    work = WorkCheck(
        house.ledger.database,
        house.redis,
        house.clock,
        reconcile=relayed_nothing,
        relay=relayed_nothing,
    )
    (late,) = [one for one in await work.run(repair=True) if not one.is_clean]
    assert (late.name, late.wrong, late.mended) == (work_check.NUMBERED, 1, 0)


async def test_work_that_somebody_is_at_is_not_stuck(house: House) -> None:
    camera = await waiting_frame(house)
    await house.beat()
    await house.ledger.change(
        "UPDATE cameras SET lease_holder = 'one#1', lease_until = :at WHERE id = :id",
        at=house.clock.now() + 30 * SECOND,
        id=camera,
    )
    assert await house.wrong() == {}


async def test_a_camera_that_is_being_worked_off_is_not_stuck(house: House) -> None:
    camera = await waiting_frame(house)
    await house.beat()
    other = await house.ledger.frame(camera)
    await house.ledger.change(
        "UPDATE frames SET state = 'empty', finished_at = :now WHERE id = :id",
        now=house.clock.now() - 60 * SECOND,
        id=other,
    )
    assert await house.wrong() == {}


async def test_a_deleted_folder_is_made_again_with_all_that_was_in_it(house: House) -> None:
    folder = house.ledger.folder / "pictures"
    shutil.rmtree(folder)
    wrong = await house.wrong()
    assert list(wrong) == [fsck.FOLDER]
    assert not folder.exists()
    mended = await house.wrong(repair=True)
    assert {name: one.mended for name, one in mended.items()} == {
        fsck.FOLDER: 1,
        picture_check.COPIES: 4,
    }
    assert await house.wrong(thorough=True) == {}


@pytest.mark.parametrize("mark", [None, "theirs"])
async def test_another_disk_in_its_place_is_left_alone(house: House, mark: str | None) -> None:
    folder = house.ledger.folder / "pictures"
    folder.rename(folder.with_name("away"))
    folder.mkdir()
    if mark is not None:
        (folder / MARK).write_text(mark)
    before = sorted(folder.rglob("*"))
    wrong = await house.wrong(repair=True)
    assert wrong[fsck.FOLDER].mended == 0
    assert "--accept-folder" in wrong[fsck.FOLDER].left[0]
    assert sorted(folder.rglob("*")) == before


async def test_a_folder_is_taken_for_ours_where_the_owner_says_so(house: House) -> None:
    folder = house.ledger.folder / "pictures"
    (folder / MARK).unlink()
    verdicts = await house.verdicts(repair=True, accept_folder=True)
    assert [one for one in verdicts if not one.is_clean] == []
    assert await house.wrong() == {}


async def test_a_fresh_ledger_takes_anothers_pictures_only_where_the_owner_says_so(
    ledger: Ledger, real_redis: RedisClient
) -> None:
    house = House(ledger, real_redis)
    ledger.pictures.write_mark("theirs")
    await orphan(house)
    (refused,) = (await house.wrong(repair=True)).values()
    assert refused.name == fsck.FOLDER
    assert "--accept-folder" in refused.left[0]
    verdicts = {one.name: one for one in await house.verdicts(repair=True, accept_folder=True)}
    assert verdicts[fsck.FOLDER].mended == 1
    await PictureDisk(ledger.pictures, ledger.database, house.clock).check()
    house.clock.jump(timedelta(days=2))
    assert await house.swept() == 0, "they are older than this ledger"
    assert ledger.pictures.read(ORPHAN_HASH) == ORPHAN


async def test_another_schema_is_said_and_nothing_else_is_touched(house: House) -> None:
    await orphan(house)
    verdicts = await house.fsck(schema="0000").run(Wishes(repair=True), lambda *_: None)
    assert [one.name for one in verdicts if not one.is_clean] == [
        "the newest migration has been run"
    ]
    assert house.ledger.pictures.read(ORPHAN_HASH) == ORPHAN


async def test_without_a_database_it_cannot_look(house: House) -> None:
    nowhere = Database("postgresql+asyncpg://nobody@127.0.0.1:9/none")
    (only,) = await house.fsck(nowhere).run(Wishes(), lambda *_: None)
    await nowhere.close()
    assert only.name == ANSWERS
    assert only.hindrance


async def test_without_redis_it_cannot_say_whether_work_is_stuck(house: House) -> None:
    await waiting_frame(house)
    house.redis = RedisClient("redis://127.0.0.1:9/0", prefix="")
    verdicts = await house.verdicts(repair=True)
    await house.redis.close()
    assert [one.name for one in verdicts if one.hindrance] == [work_check.WORK]


async def test_the_pictures_of_a_deleted_camera_are_swept_up(house: House) -> None:
    """Whenever it was stopped: the rows go first, and the files without rows are found."""
    (row,) = await house.ledger.rows("SELECT id FROM cameras")
    other = await house.ledger.frame(await house.ledger.camera())
    await house.ledger.change("DELETE FROM events")
    await house.ledger.change("DELETE FROM frames WHERE camera_id = :id", id=row["id"])
    assert await house.swept() == 3  # the thumbnails: no picture is a day old
    house.clock.jump(timedelta(days=1))
    assert await house.swept() == 4
    assert await house.swept() == 0
    assert await house.wrong() == {}
    assert (await house.copy_of(other)).exists()


async def test_a_sweep_comes_an_hour_after_the_start(house: House) -> None:
    await orphan(house)
    house.clock.jump(timedelta(days=1))
    running = asyncio.create_task(house.sweep().run())
    await asleep(house.clock)
    assert house.ledger.pictures.read(ORPHAN_HASH) == ORPHAN
    async with asyncio.timeout(20):
        while house.ledger.pictures.path(ORPHAN_HASH).exists():
            house.clock.advance(3600)
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_another_disk_is_not_swept(house: House) -> None:
    folder = house.ledger.folder / "pictures"
    await orphan(house)
    (folder / MARK).write_text("theirs")
    house.clock.jump(timedelta(days=1))
    with pytest.raises(Unavailable, match="another mark"):
        await house.swept()
    assert house.ledger.pictures.path(ORPHAN_HASH).exists()
