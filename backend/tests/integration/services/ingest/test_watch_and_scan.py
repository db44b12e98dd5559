"""Watching, polling and scanning as ingest uses them, and when there is much at once."""

import asyncio
import os
from pathlib import Path

import pytest

from backend.services.ingest.folder_watcher import FolderScanner, FolderWatcher
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.ingest import Bench, picture, until
from backend.tests.fixtures.watching import finder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "cameras"
    (folder / "gate").mkdir(parents=True)
    return folder


def most_queued_events() -> int:
    return int(Path("/proc/sys/fs/inotify/max_queued_events").read_text(encoding="ascii"))


@pytest.mark.slow
async def test_watch_and_scan_together_miss_nothing(bench: Bench) -> None:
    """Both at work, as in the product, while files come in all ways: each is a frame, once."""
    clock = bench.clock
    watcher = FolderWatcher(bench.root, clock, polling=False, poll_seconds=10)
    scanner = FolderScanner(bench.root, clock, watcher)
    before = [f"before/{number}.jpg" for number in range(50)]
    for number, place in enumerate(before):
        bench.put(place, picture(number))

    def write() -> list[str]:
        places = []
        for number in range(150):
            place = f"camera {number % 5}/{number // 10}/{number}.jpg"
            staged = bench.put(f"staged/{number}.part", picture(number))
            target = bench.root / place
            target.parent.mkdir(parents=True, exist_ok=True)
            if number % 2:
                staged.rename(target)
            else:
                bench.put(place, picture(number))
                staged.unlink()
            places.append(place)
        return places

    tasks = [asyncio.create_task(bench.ingest().run(source)) for source in (watcher, scanner)]
    written = await asyncio.to_thread(write)
    expected = sorted(before + written)
    await bench.answered(
        "SELECT 1 FROM frames HAVING count(*) >= :expected "
        "AND NOT EXISTS (SELECT 1 FROM quarantined_files WHERE released_at IS NULL)",
        expected=len(expected),
    )
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert sorted(await bench.paths()) == expected


async def test_a_start_with_pictures_is_a_backlog_and_counts_nothing_again(bench: Bench) -> None:
    bench.put("old/a.jpg", picture())
    await bench.scan()
    await bench.delete_camera()
    bench.put("gate/a.jpg", picture(1))

    async def run(files: int) -> None:
        """A worker's time from its start: three looks, and files that come between them."""
        watcher = FolderWatcher(bench.root, bench.clock, polling=True, poll_seconds=10)
        scanner = FolderScanner(bench.root, bench.clock, watcher)
        tasks = [asyncio.create_task(bench.ingest().run(s)) for s in (watcher, scanner)]
        await until(lambda: bench.clock.sleepers == 2, "the first look and the scan")
        for number in range(files):
            bench.put(f"old/{number}.jpg", picture(2 + number))
        for _ in range(3):
            bench.clock.advance(10)
            await until(lambda: bench.clock.sleepers == 2, "the end of a look")
        await bench.answered(
            "SELECT 1 FROM cameras WHERE folder = 'old' AND ignored_files = :files", files=2
        )
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    await run(files=2)
    await run(files=0)
    (frame,) = await bench.frames()
    assert (frame["folder"], frame["found_by"]) == ("gate", "scan")
    assert {lane for _, lane in bench.bells.rung} == {"backlog"}


@pytest.mark.slow
async def test_many_new_folders_with_files_at_once(root: Path) -> None:
    """Folders and files come faster than they can be watched; a thread makes them meanwhile."""

    def make() -> list[str]:
        places = []
        for number in range(150):
            folder = root / f"camera{number}" / "2025" / "06"
            folder.mkdir(parents=True)
            for name in ("a.jpg", "b.jpg"):
                (folder / name).write_bytes(b"x")
                places.append(f"camera{number}/2025/06/{name}")
        return places

    async with finder(root) as finds:
        places = await asyncio.to_thread(make)
        await until(
            lambda: set(places) <= set(finds.found),
            f"{len(places)} files",
            seconds=20,
        )
        assert finds.watcher.state.folders >= 3 * 150


@pytest.mark.slow
async def test_more_changes_than_the_kernel_keeps(root: Path) -> None:
    """A real overflow: nobody listens while we write. What was missed is for a scan."""
    most = most_queued_events()
    if most > 50_000:
        pytest.skip(f"the kernel keeps {most} changes")
    async with finder(root) as finds:
        paths = [os.open(root / "gate" / name, os.O_CREAT | os.O_WRONLY) for name in ("a", "b")]
        for descriptor in paths:
            os.close(descriptor)
        for number in range(most + 10):
            os.close(os.open(root / "gate" / "ab"[number % 2], os.O_WRONLY))
        (root / "gate" / "missed.jpg").write_bytes(b"x")
        (root / "new").mkdir()
        async with asyncio.timeout(10):
            assert await finds.watcher.missed(1000) == [""]
        assert "gate/missed.jpg" not in finds.found
        (root / "new" / "c.jpg").write_bytes(b"x")
        await finds.finds("new/c.jpg")
        assert not finds.watcher._rescan.is_set()


async def test_a_burst_larger_than_what_may_wait(root: Path) -> None:
    """Nobody takes what is found: the kernel keeps it meanwhile."""
    watcher = FolderWatcher(root, ManualClock(), polling=False, poll_seconds=1)
    batches = watcher.batches()
    first = asyncio.ensure_future(anext(batches))
    await asyncio.wait_for(watcher.watching.wait(), 4)
    for number in range(5000):
        (root / "gate" / f"{number}.jpg").touch()
    found = {file.relative for file in await first}
    while len(found) < 5000:
        batch = await asyncio.wait_for(anext(batches), 4)
        assert len(batch) <= 64
        found |= {file.relative for file in batch}
    await batches.aclose()
    assert found == {f"gate/{number}.jpg" for number in range(5000)}


async def test_a_flood_lets_another_cameras_files_pass(root: Path) -> None:
    (root / "door").mkdir()
    watcher = FolderWatcher(root, ManualClock(), polling=False, poll_seconds=1)
    batches = watcher.batches()
    first = asyncio.ensure_future(anext(batches))
    await asyncio.wait_for(watcher.watching.wait(), 4)
    for number in range(2000):
        (root / "gate" / f"{number}.jpg").touch()
    (root / "door" / "a.jpg").touch()
    taken = len(await first)
    await until(lambda: taken + len(watcher._found) == 2001, "all to be heard")
    batch = await anext(batches)
    await batches.aclose()
    assert len(batch) == 64
    assert "door/a.jpg" in {file.relative for file in batch[:2]}


async def test_what_is_too_much_is_found_by_a_scan_of_that_folder(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.services.ingest.folder_watcher._MOST_WAITING", 100)
    clock = ManualClock()
    (root / "door").mkdir()
    watcher = FolderWatcher(root, clock, polling=False, poll_seconds=86_400 * 9)
    scans = FolderScanner(root, clock, watcher).batches()
    scanning = asyncio.ensure_future(anext(scans))
    batches = watcher.batches()
    first = asyncio.ensure_future(anext(batches))
    await until(lambda: watcher.state.scanned_at, "the first scan")
    for number in range(150):
        (root / "gate" / f"{number}.jpg").touch()
    (root / "door" / "a.jpg").touch()
    heard = {file.relative for file in await first}
    found = {file.relative for file in await asyncio.wait_for(scanning, 4)}
    assert found == {f"gate/{number}.jpg" for number in range(150)}, "door is not scanned"
    while len(watcher._found):
        heard |= {file.relative for file in await anext(batches)}
    assert "door/a.jpg" in heard
    assert heard | found == found | {"door/a.jpg"}
    await scans.aclose()
    await batches.aclose()


async def test_scans_of_single_folders_do_not_put_off_the_daily_one(root: Path) -> None:
    clock = ManualClock()
    (root / "gate" / "a.jpg").touch()
    (root / "door").mkdir()
    (root / "door" / "b.jpg").touch()
    watcher = FolderWatcher(root, clock, polling=False, poll_seconds=86_400 * 9)
    watcher.watching.set()
    scans = FolderScanner(root, clock, watcher).batches()
    found = [len(await anext(scans))]
    for hours in (20, 4):
        scanning = asyncio.ensure_future(anext(scans))
        await until(lambda: clock.sleepers, "the end of the scan")
        clock.advance(hours * 3600)
        if hours == 20:
            watcher._miss("door")
        found.append(len(await asyncio.wait_for(scanning, 4)))
    await scans.aclose()
    assert found == [2, 1, 2]
