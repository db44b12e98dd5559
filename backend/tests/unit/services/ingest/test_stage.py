"""What every source of frames keeps to: the watch, polling, the scan, and a test's own."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.services.ingest.folder_watcher import FolderScanner, FolderWatcher
from backend.services.ingest.stage import FoundFile
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.frame_sources import NAMES, FrameSourceContract, Supplied
from backend.tests.fixtures.ingest import ScriptedSource

DAY = 86_400.0


def write_all(root: Path) -> None:
    for name in NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def scripted(_root: Path) -> Supplied:
    async def nothing() -> None: ...

    files = [FoundFile(name, "watch") for name in NAMES]
    return Supplied(ScriptedSource(files[:1], files[1:]), nothing)


def watching(root: Path, *, polling: bool) -> Supplied:
    clock = ManualClock()
    watcher = FolderWatcher(root, clock, polling=polling, poll_seconds=10)

    async def supply() -> None:
        async with asyncio.timeout(4):
            await watcher.watching.wait()
        watcher.watching.clear()  # so that the next begin can be waited for
        await asyncio.to_thread(write_all, root)

    return Supplied(watcher, supply, lambda: clock.advance(10))


def scanning(root: Path) -> Supplied:
    clock = ManualClock()
    watcher = FolderWatcher(root, clock, polling=True, poll_seconds=10)
    watcher.watching.set()

    async def supply() -> None:
        await asyncio.to_thread(write_all, root)

    return Supplied(FolderScanner(root, clock, watcher), supply, lambda: clock.advance(DAY))


MADE: dict[str, Callable[[Path], Supplied]] = {
    "scripted": scripted,
    "watch": lambda root: watching(root, polling=False),
    "polling": lambda root: watching(root, polling=True),
    "scan": scanning,
}


class TestFrameSources(FrameSourceContract):
    @pytest.fixture(params=MADE)
    def supplied(self, request: pytest.FixtureRequest, root: Path) -> Supplied:
        return MADE[request.param](root)
