"""The scans: at the start, after changes were missed, and daily; in slices."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from backend.services.ingest.folder_watcher import FolderScanner, FolderWatcher
from backend.services.ingest.scan import SLICE, slices, walk
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.ingest import until

DAY = 86_400.0
P = ParamSpec("P")
Answer = TypeVar("Answer")


class Scanning:
    """A scanner at work beside a watcher that has not begun."""

    def __init__(self, root: Path) -> None:
        self.clock = ManualClock()
        self.watcher = FolderWatcher(root, self.clock, polling=False, poll_seconds=10)
        self.scanner = FolderScanner(root, self.clock, self.watcher)
        self.batches: list[list[str]] = []

    async def run(self) -> None:
        async for batch in self.scanner.batches():
            assert all(file.found_by == "scan" for file in batch)
            self.batches.append([file.relative for file in batch])

    async def ends(self) -> None:
        """Wait until a scan has ended."""
        await until(lambda: self.watcher.state.scanned_at == self.clock.now(), "the scan")


@pytest.fixture
async def scanning(tmp_path: Path) -> AsyncIterator[Scanning]:
    (tmp_path / "gate").mkdir()
    (tmp_path / "gate" / "a.jpg").write_bytes(b"x")
    made = Scanning(tmp_path)
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_begins_when_changes_are_heard(scanning: Scanning) -> None:
    """Before that, a file could come behind the scan and before the watch."""
    for _ in range(20):
        await asyncio.sleep(0)
    assert scanning.batches == []
    scanning.watcher.watching.set()
    await scanning.ends()
    assert scanning.batches == [["gate/a.jpg"]]


async def test_again_when_changes_were_missed(scanning: Scanning) -> None:
    scanning.watcher._begin()
    await scanning.ends()
    scanning.clock.advance(1)
    scanning.watcher._begin()
    await scanning.ends()
    assert scanning.batches == [["gate/a.jpg"]] * 2


async def test_daily_and_unhurried(scanning: Scanning, tmp_path: Path) -> None:
    for number in range(SLICE):
        (tmp_path / "gate" / f"b{number}.jpg").touch()
    scanning.watcher.watching.set()
    await scanning.ends()
    assert [len(batch) for batch in scanning.batches] == [SLICE, 1]
    await until(lambda: scanning.clock.sleepers == 1, "the wait for the next day")
    scanning.clock.advance(DAY - 1)
    assert scanning.clock.sleepers == 1
    scanning.clock.advance(1)
    await until(lambda: len(scanning.batches) == 3, "the first slice")
    await until(lambda: scanning.clock.sleepers == 1, "the pause")
    assert len(scanning.batches) == 3
    scanning.clock.advance(0.2)
    await until(lambda: len(scanning.batches) == 4, "the second slice")


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.jpg").write_bytes(b"x")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "out").symlink_to("../outside")
    (tmp_path / "root" / "round").symlink_to(".")
    assert not any(walk(tmp_path / "root", "", "scan"))


def test_a_root_that_is_not_there(tmp_path: Path) -> None:
    assert not any(walk(tmp_path / "nowhere", "", "scan"))


@pytest.fixture
def folder_of_many(tmp_path: Path) -> Path:
    """One file more than two slices."""
    for number in range(2 * SLICE + 1):
        (tmp_path / f"{number}.jpg").touch()
    return tmp_path


async def test_slices_are_bounded(folder_of_many: Path) -> None:
    sizes = [len(batch) async for batch in slices(folder_of_many)]
    assert sizes == [SLICE, SLICE, 1]


async def test_a_slice_ends_after_a_second_too(tmp_path: Path) -> None:
    """Or many folders of a slow disk would be taken for a disk that does not answer."""
    for number in range(50):
        (tmp_path / "gate" / f"{number:02}").mkdir(parents=True)
        (tmp_path / "gate" / f"{number:02}" / "no picture.txt").touch()
    (tmp_path / "gate" / "49" / "a.jpg").touch()
    seconds = 0.0
    took: list[float] = []

    def later() -> float:
        nonlocal seconds
        seconds += 0.1  # for each look at the disk
        return seconds

    async def timed(work: Callable[P, Answer], /, *args: P.args, **named: P.kwargs) -> Answer:
        began = seconds
        answer = work(*args, **named)
        took.append(seconds - began)
        return answer

    found = [batch async for batch in slices(tmp_path, in_thread=timed, monotonic=later)]
    assert [file.relative for batch in found for file in batch] == ["gate/49/a.jpg"]
    assert seconds > 10
    assert max(took) < 1.5
