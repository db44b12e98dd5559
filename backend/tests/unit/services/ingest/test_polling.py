"""Polling, where inotify cannot watch: a file counts once it is the same in two looks."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backend.services.ingest.folder_watcher import FolderWatcher
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.ingest import until


class Poller:
    """Polls a folder look by look."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = ManualClock()
        self.watcher = FolderWatcher(root, self.clock, polling=True, poll_seconds=10)
        self.found: list[str] = []

    async def run(self) -> None:
        async for batch in self.watcher.batches():
            self.found += [file.relative for file in batch]

    async def looks(self) -> list[str]:
        """Let it look once more; what it found in this look, in order."""
        await until(lambda: self.clock.sleepers, "the end of the look before")
        found = len(self.found)
        self.clock.advance(10)
        await until(lambda: self.clock.sleepers, "the end of the look")
        await until(lambda: not self.watcher._found, "the end of the queue")
        await asyncio.sleep(0)
        return sorted(self.found[found:])


@asynccontextmanager
async def polling(root: Path) -> AsyncIterator[Poller]:
    """A poller that has had its first look."""
    made = Poller(root)
    task = asyncio.create_task(made.run())
    await until(lambda: made.clock.sleepers, "the first look")
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def poller(tmp_path: Path) -> AsyncIterator[Poller]:
    root = tmp_path / "cameras"
    (root / "gate").mkdir(parents=True)
    async with polling(root) as made:
        yield made


async def test_counts_once_it_is_the_same_in_two_looks(poller: Poller) -> None:
    path = poller.root / "gate" / "a.jpg"
    path.write_bytes(b"x")
    assert await poller.looks() == []
    assert await poller.looks() == ["gate/a.jpg"]
    assert await poller.looks() == []


async def test_a_growing_file_does_not_count(poller: Poller) -> None:
    path = poller.root / "gate" / "a.jpg"
    for _ in range(4):
        with path.open("ab") as file:
            file.write(b"x")
        assert await poller.looks() == []
    assert await poller.looks() == ["gate/a.jpg"]


async def test_a_changed_file_counts_again(poller: Poller) -> None:
    path = poller.root / "gate" / "a.jpg"
    path.write_bytes(b"x")
    await poller.looks()
    await poller.looks()
    os.utime(path, (1, 1))
    assert await poller.looks() == []
    assert await poller.looks() == ["gate/a.jpg"]


async def test_a_file_that_was_gone_counts_again(poller: Poller) -> None:
    path = poller.root / "gate" / "a.jpg"
    path.write_bytes(b"x")
    await poller.looks()
    await poller.looks()
    path.rename(poller.root / "away")
    await poller.looks()
    (poller.root / "away").rename(path)
    assert await poller.looks() == []
    assert await poller.looks() == ["gate/a.jpg"]


async def test_new_folders_and_links(poller: Poller) -> None:
    (poller.root / "door" / "2025").mkdir(parents=True)
    (poller.root / "door" / "2025" / "a.jpg").write_bytes(b"x")
    (poller.root / "door" / "dead.jpg").symlink_to("nowhere")
    await poller.looks()
    assert await poller.looks() == ["door/2025/a.jpg", "door/dead.jpg"]


async def test_what_was_there_before_is_for_the_scan(tmp_path: Path) -> None:
    (tmp_path / "gate").mkdir()
    path = tmp_path / "gate" / "a.jpg"
    path.write_bytes(b"x")
    async with polling(tmp_path) as poller:
        assert [await poller.looks() for _ in range(3)] == [[], [], []]
        path.write_bytes(b"more")
        assert [await poller.looks() for _ in range(3)] == [[], ["gate/a.jpg"], []]


class ArrivingEvent(asyncio.Event):
    """A file comes at the very moment from which a scan may have passed its place."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def set(self) -> None:
        self._path.write_bytes(b"x")
        super().set()


async def test_the_scan_begins_after_the_first_look(tmp_path: Path) -> None:
    """What comes between the two would be nobody's otherwise."""
    (tmp_path / "gate").mkdir()
    poller = Poller(tmp_path)
    poller.watcher.watching = ArrivingEvent(tmp_path / "gate" / "a.jpg")
    task = asyncio.create_task(poller.run())
    await poller.looks()
    assert await poller.looks() == ["gate/a.jpg"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
