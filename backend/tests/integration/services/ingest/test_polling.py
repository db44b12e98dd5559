"""Polling, where inotify cannot watch: a file counts once it is the same in two looks."""

import asyncio
import os
from collections.abc import AsyncIterator
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
        await until(self.watcher._found.empty, "the end of the queue")
        await asyncio.sleep(0)
        return sorted(self.found[found:])


@pytest.fixture
async def poller(tmp_path: Path) -> AsyncIterator[Poller]:
    root = tmp_path / "cameras"
    (root / "gate").mkdir(parents=True)
    made = Poller(root)
    task = asyncio.create_task(made.run())
    await until(lambda: made.clock.sleepers, "the first look")
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


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
