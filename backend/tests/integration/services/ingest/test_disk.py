"""The pictures' folder and those of cameras: deleted, or another disk in their place."""

import asyncio
import hashlib
import os
import shutil
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from backend.core.breaker import LONGEST_PAUSE, BreakerState
from backend.core.content_store import MARK, OTHER_DISK, ContentStore
from backend.core.database import Database
from backend.core.disk_threads import DiskThreads
from backend.core.errors import NotFound, Unavailable
from backend.core.pace import Pace
from backend.services.ingest.camera_folders import CameraFolders
from backend.services.ingest.originals import Originals
from backend.services.ingest.picture_disk import PictureDisk
from backend.services.ingest.stage import FoundFile, Ingest, Intake
from backend.tests.fixtures.ingest import LIMITS, Bench, ScriptedSource, picture, until


@pytest.fixture
def store(bench: Bench) -> ContentStore:
    return ContentStore(bench.pictures)


@pytest.fixture
def disk(bench: Bench, store: ContentStore) -> PictureDisk:
    return PictureDisk(store, bench.database, bench.clock)


def ingest_onto(bench: Bench, store: ContentStore, disk: PictureDisk) -> Ingest:
    intake = Intake(bench.root, store, LIMITS, bench.zone, check_disk=disk.check)
    return Ingest(intake, bench.database, bench.bells, bench.clock)


async def taken(ingest: Ingest, bench: Bench, name: str, number: int) -> None:
    bench.put(name, picture(number))
    await ingest.handle([FoundFile(name, "watch")])


async def mark_of_ledger(bench: Bench) -> str:
    (row,) = await bench.rows("SELECT mark FROM picture_store")
    return str(row["mark"]).partition("@")[0]


async def test_folder_and_ledger_are_marked_together(bench: Bench, disk: PictureDisk) -> None:
    await disk.check()
    assert (bench.pictures / MARK).read_text().strip() == await mark_of_ledger(bench)


async def test_two_that_start_at_once_agree(bench: Bench) -> None:

    stores = [ContentStore(bench.pictures) for _ in range(4)]
    await asyncio.gather(*(PictureDisk(one, bench.database, bench.clock).check() for one in stores))
    assert {one.mark for one in stores} == {await mark_of_ledger(bench)}


async def test_stopped_between_the_two_the_ledger_takes_the_folders(
    bench: Bench, store: ContentStore, disk: PictureDisk
) -> None:
    store.write_mark("left by one that was killed")
    await disk.check()
    assert await mark_of_ledger(bench) == "left by one that was killed"


@pytest.mark.parametrize("has_mark", [False, True])
async def test_the_pictures_of_another_ledger_are_not_taken_for_ours(
    bench: Bench, store: ContentStore, disk: PictureDisk, *, has_mark: bool
) -> None:
    """As where the same data folder is used with another database, which has no frames yet."""
    if has_mark:
        await disk.check()
    store.write_mark("theirs")
    store.put(hashlib.sha256(picture(0)).digest(), picture(0))
    fresh = PictureDisk(ContentStore(bench.pictures), bench.database, bench.clock)
    with pytest.raises(Unavailable, match="hsi fsck --accept-folder") as caught:
        await fresh.check()
    assert caught.value.code == OTHER_DISK
    assert (bench.pictures / MARK).read_text() == "theirs\n"
    assert "theirs" not in [row["mark"] for row in await bench.rows("SELECT * FROM picture_store")]


@pytest.mark.parametrize("mark", [None, "theirs"])
async def test_another_disk_stops_the_intake_until_ours_is_back(
    bench: Bench, store: ContentStore, disk: PictureDisk, mark: str | None
) -> None:
    ingest = ingest_onto(bench, store, disk)
    await taken(ingest, bench, "gate/a.jpg", 0)
    away = bench.pictures.with_name("away")
    bench.pictures.rename(away)
    bench.pictures.mkdir()
    if mark is not None:
        (bench.pictures / MARK).write_text(mark)
    there = sorted(bench.pictures.rglob("*"))
    with pytest.raises(Unavailable, match="another disk") as caught:
        await taken(ingest, bench, "gate/b.jpg", 1)
    assert caught.value.code == OTHER_DISK
    assert sorted(bench.pictures.rglob("*")) == there
    assert await bench.paths() == ["gate/a.jpg"]
    shutil.rmtree(bench.pictures)
    away.rename(bench.pictures)
    await taken(ingest, bench, "gate/b.jpg", 1)
    assert await bench.paths() == ["gate/a.jpg", "gate/b.jpg"]


async def test_a_disk_that_is_changed_in_the_middle_gets_no_frames(
    bench: Bench, store: ContentStore, disk: PictureDisk
) -> None:
    await taken(ingest_onto(bench, store, disk), bench, "gate/a.jpg", 0)
    changed: list[int] = []

    class ChangedStore(ContentStore):
        def put(self, content_hash: bytes, data: bytes) -> None:
            if not changed:
                bench.pictures.rename(bench.pictures.with_name("away"))
                bench.pictures.mkdir()
                changed.append(1)
            super().put(content_hash, data)

    other = ChangedStore(bench.pictures)
    ingest = ingest_onto(bench, other, PictureDisk(other, bench.database, bench.clock))
    with pytest.raises(Unavailable):
        await taken(ingest, bench, "gate/b.jpg", 1)
    assert changed
    assert await bench.paths() == ["gate/a.jpg"]
    shutil.rmtree(bench.pictures)
    bench.pictures.with_name("away").rename(bench.pictures)
    await ingest.handle([FoundFile("gate/b.jpg", "watch")])
    assert store.read(hashlib.sha256(picture(1)).digest()) == picture(1)


class HungStore(ContentStore):
    """A store whose disk takes everything and answers nothing, until it does."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.answers = threading.Event()
        self.asked = 0

    def put(self, content_hash: bytes, data: bytes) -> None:
        self.asked += 1
        self.answers.wait()
        super().put(content_hash, data)


async def test_while_a_disk_does_not_answer_files_wait_and_nothing_else_does(
    bench: Bench,
) -> None:
    store = HungStore(bench.pictures)
    pace = Pace(bench.clock, limit=1)
    threads = DiskThreads("pictures", "the folder of the pictures", pace, patience=0.05, most=3)
    intake = Intake(bench.root, store, LIMITS, bench.zone, in_store_thread=threads.run)
    ingest = Ingest(intake, bench.database, bench.bells, bench.clock)
    names = [f"gate/{number}.jpg" for number in range(20)]
    for number, name in enumerate(names):
        bench.put(name, picture(number))
    source = ScriptedSource([FoundFile(name, "watch") for name in names])
    running = asyncio.create_task(ingest.run(source))
    for _ in range(3):
        await until(lambda: ingest.breaker.state is BreakerState.OPEN, "the breaker to open")
        assert ingest.breaker.view.code == "pictures.no_answer"
        assert await bench.rows("SELECT 1 AS one") == [{"one": 1}]
        assert await asyncio.to_thread(int, 1) == 1, "the common threads are free"
        bench.clock.advance(LONGEST_PAUSE)
        await until(lambda: ingest.breaker.state is not BreakerState.HALF_OPEN, "the probe")
    assert store.asked == 3, "no more threads than three wait for it"
    store.answers.set()
    while not running.done():
        bench.clock.advance(LONGEST_PAUSE)
        await asyncio.sleep(0.001)
    assert await bench.paths() == sorted(names)


@pytest.mark.parametrize("is_noted", [True, False])
async def test_beneath_the_mount_point_of_a_missing_disk_nothing_is_made(
    bench: Bench, *, is_noted: bool
) -> None:
    """The data folder was moved to a disk of its own without the mark that lies in it."""
    bench.pictures = bench.pictures.parent / "data" / "pictures"
    store = ContentStore(bench.pictures)
    disk = PictureDisk(store, bench.database, bench.clock)
    await taken(ingest_onto(bench, store, disk), bench, "gate/a.jpg", 0)
    if not is_noted:  # as by a version that noted no home
        async with bench.database.transaction() as session:
            await session.execute(text("UPDATE picture_store SET mark = split_part(mark, '@', 1)"))
    data, beneath = bench.pictures.parent, bench.pictures.parent.with_name("beneath")
    data.rename(beneath)
    data.mkdir()
    (beneath / "pictures").rename(bench.pictures)
    await PictureDisk(ContentStore(bench.pictures), bench.database, bench.clock).check()
    data.rename(data.with_name("unmounted"))
    beneath.rename(data)
    with pytest.raises(Unavailable, match="not there"):
        await PictureDisk(ContentStore(bench.pictures), bench.database, bench.clock).check()
    assert not bench.pictures.exists()
    data.rename(beneath)
    data.with_name("unmounted").rename(data)
    await disk.check()


async def test_a_deleted_folder_is_made_again_and_nothing_stops(
    bench: Bench, store: ContentStore, disk: PictureDisk
) -> None:
    ingest = ingest_onto(bench, store, disk)
    await taken(ingest, bench, "gate/a.jpg", 0)
    shutil.rmtree(bench.pictures)
    await taken(ingest, bench, "gate/b.jpg", 1)
    assert store.read(hashlib.sha256(picture(1)).digest()) == picture(1)
    assert (bench.pictures / MARK).exists()


@pytest.mark.parametrize("mark", [None, "another"])
async def test_while_there_are_no_frames_any_folder_is_marked(
    bench: Bench, store: ContentStore, disk: PictureDisk, mark: str | None
) -> None:
    await disk.check()
    (bench.pictures / MARK).unlink()
    bench.pictures.rename(bench.pictures.with_name("away"))
    if mark is not None:
        ContentStore(bench.pictures).write_mark(mark)
    await disk.check()
    assert (bench.pictures / MARK).read_text().strip() == await mark_of_ledger(bench) == store.mark


async def test_without_a_ledger_nobody_knows(bench: Bench, store: ContentStore) -> None:
    nowhere = Database("postgresql+asyncpg://nobody@127.0.0.1:9/none")
    with pytest.raises(Unavailable):
        await PictureDisk(store, nowhere, bench.clock).check()
    await nowhere.close()
    assert not bench.pictures.exists()


async def frame_of(bench: Bench) -> int:
    (row,) = await bench.rows("SELECT id FROM frames")
    return int(row["id"])


async def test_a_copy_is_made_again_from_the_cameras_file(
    bench: Bench, store: ContentStore
) -> None:
    bench.put("gate/a.jpg", picture(0))
    await bench.take("gate/a.jpg")
    path = store.path(hashlib.sha256(picture(0)).digest())
    path.write_bytes(b"damaged")
    await Originals(bench.root, store, bench.database, LIMITS).copy_again(await frame_of(bench))
    assert path.read_bytes() == picture(0)


@pytest.mark.parametrize(
    ("now", "why"), [(None, "so is the file"), (b"x", "another by now"), (b"", "another by now")]
)
async def test_where_the_file_is_gone_too_it_is_said(
    bench: Bench, store: ContentStore, now: bytes | None, why: str
) -> None:
    path = bench.put("gate/a.jpg", picture(0))
    await bench.take("gate/a.jpg")
    path.unlink()
    if now is not None:
        path.write_bytes(now)
    originals = Originals(bench.root, store, bench.database, LIMITS)
    with pytest.raises(NotFound, match=why):
        await originals.copy_again(await frame_of(bench))


async def test_while_the_folder_of_all_cameras_is_missing_nothing_is_said_to_be_gone(
    bench: Bench, store: ContentStore
) -> None:
    bench.put("gate/a.jpg", picture(0))
    await bench.take("gate/a.jpg")
    store.path(hashlib.sha256(picture(0)).digest()).unlink()
    originals = Originals(bench.root, store, bench.database, LIMITS)
    bench.root.rename(bench.root.with_name("unmounted"))
    with pytest.raises(Unavailable, match="is not there"):
        await originals.copy_again(await frame_of(bench))
    bench.root.with_name("unmounted").rename(bench.root)
    await originals.copy_again(await frame_of(bench))
    assert store.read(hashlib.sha256(picture(0)).digest()) == picture(0)


async def test_a_link_out_of_the_media_folder_is_not_followed(
    bench: Bench, store: ContentStore, tmp_path: Path
) -> None:
    path = bench.put("gate/a.jpg", picture(0))
    await bench.take("gate/a.jpg")
    path.rename(tmp_path / "elsewhere.jpg")
    path.symlink_to(tmp_path / "elsewhere.jpg")
    originals = Originals(bench.root, store, bench.database, LIMITS)
    with pytest.raises(NotFound):
        await originals.copy_again(await frame_of(bench))
    with pytest.raises(NotFound, match="there is no frame 0"):
        await originals.copy_again(0)


@pytest.fixture
async def folders(bench: Bench) -> CameraFolders:
    """Of a camera whose folder has been seen."""
    bench.put("gate/a.jpg", picture(0))
    await bench.take("gate/a.jpg")
    made = CameraFolders(bench.root, bench.database, bench.clock)
    await made.look()
    return made


async def test_a_deleted_camera_folder_is_made_again(bench: Bench, folders: CameraFolders) -> None:
    shutil.rmtree(bench.root / "gate")
    await folders.look()
    assert (bench.root / "gate").is_dir()


async def test_a_folder_that_was_never_seen_is_not_made(bench: Bench) -> None:
    bench.put("gate/a.jpg", picture(0))
    await bench.take("gate/a.jpg")
    shutil.rmtree(bench.root / "gate")
    await CameraFolders(bench.root, bench.database, bench.clock).look()
    assert not (bench.root / "gate").exists()


async def test_nothing_is_made_below_another_disk(bench: Bench, folders: CameraFolders) -> None:
    bench.root.rename(bench.root.with_name("away"))
    await folders.look()
    assert not bench.root.exists()
    bench.root.mkdir()
    await folders.look()
    assert list(bench.root.iterdir()) == []


async def test_the_folder_of_a_deleted_camera_stays_away(
    bench: Bench, folders: CameraFolders
) -> None:
    await bench.delete_camera()
    shutil.rmtree(bench.root / "gate")
    await folders.look()
    assert not (bench.root / "gate").exists()


async def test_one_that_cannot_be_made_is_tried_again(
    bench: Bench, folders: CameraFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(bench.root / "gate")
    with monkeypatch.context() as patched:
        patched.setattr(os, "mkdir", _refused)
        await folders.look()
    assert not (bench.root / "gate").exists()
    await folders.look()
    assert (bench.root / "gate").is_dir()


def _refused(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")
