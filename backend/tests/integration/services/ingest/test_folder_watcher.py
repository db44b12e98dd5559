"""The folder watcher over the real inotify: what is complete is found, nothing is missed."""

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from errno import EACCES, EMFILE, ENOSPC
from pathlib import Path

import pytest
from asyncinotify import Watch

from backend.core.errors import Unavailable
from backend.services.ingest.folder_watcher import FolderWatcher
from backend.services.ingest.stage import FoundFile
from backend.services.ingest.tree_watch import TreeWatch
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.ingest import until


class Finder:
    """Gathers what a watcher finds, as `ingest` would."""

    def __init__(self, watcher: FolderWatcher, clock: ManualClock) -> None:
        self.watcher = watcher
        self.clock = clock
        self.found: list[str] = []
        self.error: Exception | None = None

    async def run(self) -> None:
        try:
            async for batch in self.watcher.batches():
                assert batch, "a batch is never empty"
                assert all(file.found_by == "watch" for file in batch)
                self.found += [file.relative for file in batch]
        except Unavailable as error:
            self.error = error

    async def finds(self, *relatives: str) -> None:
        """Wait until all of these were found, as often as they are named."""
        await until(lambda: Counter(relatives) <= Counter(self.found), repr(relatives))

    async def has_found_all(self, root: Path, *, but: int = 0) -> None:
        """Wait until a mark made now is found, so that what happened before has been heard."""
        mark = root / f"mark{but}.jpg"
        mark.write_bytes(b"x")
        await self.finds(mark.name)


@asynccontextmanager
async def finder(
    root: Path,
    *,
    polling: bool = False,
    open_tree: Callable[[Path], TreeWatch] = TreeWatch,
) -> AsyncIterator[Finder]:
    clock = ManualClock()
    watcher = FolderWatcher(root, clock, polling=polling, poll_seconds=10, open_tree=open_tree)
    made = Finder(watcher, clock)
    task = asyncio.create_task(made.run())
    await asyncio.wait_for(watcher.watching.wait(), 4)
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "cameras"
    (folder / "gate").mkdir(parents=True)
    return folder


async def test_closed_after_writing(root: Path) -> None:
    async with finder(root) as finds:
        with (root / "gate" / "a.jpg").open("wb") as file:
            file.write(b"x")
            file.flush()
            await finds.has_found_all(root)
            assert finds.found == ["mark0.jpg"]
        await finds.finds("gate/a.jpg")


async def test_moved_in_and_renamed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    async with finder(root) as finds:
        (tmp_path / "a.jpg").rename(root / "gate" / "a.jpg")
        (root / "gate" / "b.jpg.part").write_bytes(b"x")
        (root / "gate" / "b.jpg.part").rename(root / "gate" / "b.jpg")
        await finds.finds("gate/a.jpg", "gate/b.jpg")
        assert len(finds.found) == 2


async def test_moved_out_is_not_found(root: Path, tmp_path: Path) -> None:
    (root / "gate" / "a.jpg").write_bytes(b"x")
    async with finder(root) as finds:
        (root / "gate" / "a.jpg").rename(tmp_path / "a.jpg")
        await finds.has_found_all(root)
        assert finds.found == ["mark0.jpg"]


async def test_overwritten_every_time(root: Path) -> None:
    async with finder(root) as finds:
        for number in range(1, 4):
            (root / "gate" / "latest.jpg").write_bytes(b"x")
            await finds.finds(*["gate/latest.jpg"] * number)


async def test_other_files_are_passed_over(root: Path) -> None:
    async with finder(root) as finds:
        for name in ("a.txt", "a.jpg.tmp", ".jpg", "a"):
            (root / "gate" / name).write_bytes(b"x")
        for name in ("b.JPG", "c.jpeg", "d.Png", "e.mkv"):
            (root / "gate" / name).write_bytes(b"x")
        await finds.finds("gate/b.JPG", "gate/c.jpeg", "gate/d.Png", "gate/e.mkv")
        assert len(finds.found) == 4


async def test_links_and_what_is_no_file(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(b"x")
    async with finder(root) as finds:
        (root / "gate" / "hard.jpg").hardlink_to(outside)
        (root / "gate" / "soft.jpg").symlink_to(outside)
        (root / "gate" / "dead.jpg").symlink_to("nowhere")
        os.mkfifo(root / "gate" / "fifo.jpg")
        await finds.finds("gate/hard.jpg", "gate/soft.jpg", "gate/dead.jpg", "gate/fifo.jpg")


async def test_a_folder_with_files_is_moved_in(root: Path, tmp_path: Path) -> None:
    (tmp_path / "new" / "deep" / "er").mkdir(parents=True)
    (tmp_path / "new" / "a.jpg").write_bytes(b"x")
    (tmp_path / "new" / "deep" / "er" / "b.jpg").write_bytes(b"x")
    async with finder(root) as finds:
        (tmp_path / "new").rename(root / "new")
        await finds.finds("new/a.jpg", "new/deep/er/b.jpg")
        (root / "new" / "deep" / "er" / "c.jpg").write_bytes(b"x")
        await finds.finds("new/deep/er/c.jpg")


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


async def test_a_folder_made_and_removed_and_made_again(root: Path) -> None:
    async with finder(root) as finds:
        for number in range(5):
            (root / "door").mkdir()
            (root / "door" / f"{number}.jpg").write_bytes(b"x")
            await finds.finds(f"door/{number}.jpg")
            shutil.rmtree(root / "door")
        (root / "door").mkdir()
        await finds.has_found_all(root)
        (root / "door" / "last.jpg").write_bytes(b"x")
        await finds.finds("door/last.jpg")


async def test_a_folder_made_again_before_anybody_could_look(root: Path) -> None:
    async with finder(root) as finds:
        for _ in range(20):
            (root / "door").mkdir()
            (root / "door").rmdir()
        (root / "door").mkdir()
        (root / "door" / "a.jpg").write_bytes(b"x")
        await finds.finds("door/a.jpg")
        (root / "door" / "b.jpg").write_bytes(b"x")
        await finds.finds("door/b.jpg")


async def test_a_folder_renamed_within_the_root(root: Path) -> None:
    (root / "gate" / "2025").mkdir()
    async with finder(root) as finds:
        (root / "gate").rename(root / "door")
        (root / "gate").mkdir()
        await finds.has_found_all(root)
        (root / "door" / "2025" / "a.jpg").write_bytes(b"x")
        (root / "gate" / "b.jpg").write_bytes(b"x")
        await finds.finds("door/2025/a.jpg", "gate/b.jpg")
        await finds.has_found_all(root, but=1)
        assert "gate/2025/a.jpg" not in finds.found
        assert finds.watcher.state.folders == 4


async def test_a_folder_moved_into_one_that_is_new(root: Path) -> None:
    """The kernel knows a watched folder again: its watch must not be ended by its old name."""
    (root / "gate" / "2025").mkdir()
    async with finder(root) as finds:
        (root / "archive").mkdir()
        (root / "gate").rename(root / "archive" / "gate")
        await finds.has_found_all(root)
        (root / "archive" / "gate" / "a.jpg").write_bytes(b"x")
        (root / "archive" / "gate" / "2025" / "b.jpg").write_bytes(b"x")
        await finds.finds("archive/gate/a.jpg", "archive/gate/2025/b.jpg")
        assert finds.watcher.state.folders == 4


async def test_a_folder_moved_out_is_forgotten(root: Path, tmp_path: Path) -> None:
    (root / "gate" / "2025").mkdir()
    async with finder(root) as finds:
        (root / "gate").rename(tmp_path / "gate")
        await finds.has_found_all(root)
        (tmp_path / "gate" / "2025" / "a.jpg").write_bytes(b"x")
        await finds.has_found_all(root, but=1)
        assert finds.found == ["mark0.jpg", "mark1.jpg"]
        await until(lambda: _polled(finds) and finds.watcher.state.folders == 1, "it")


def _polled(finds: Finder) -> bool:
    finds.clock.advance(10)
    return True


async def test_names_that_are_not_utf8(root: Path) -> None:
    folder, name = os.fsdecode(b"T\xfcr"), os.fsdecode(b"\xff.jpg")
    async with finder(root) as finds:
        (root / folder).mkdir()
        (root / folder / name).write_bytes(b"x")
        await finds.finds(f"{folder}/{name}")
        await finds.has_found_all(root)
        (root / folder / "b.jpg").write_bytes(b"x")
        await finds.finds(f"{folder}/b.jpg")


async def test_a_root_that_is_a_link(root: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(root)
    async with finder(link) as finds:
        (root / "gate" / "a.jpg").write_bytes(b"x")
        await finds.finds("gate/a.jpg")


async def test_a_root_that_is_not_there_is_made(tmp_path: Path) -> None:
    async with finder(tmp_path / "not" / "there") as finds:
        (tmp_path / "not" / "there" / "a.jpg").write_bytes(b"x")
        await finds.finds("a.jpg")


async def test_a_root_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    watcher = FolderWatcher(tmp_path / "file", ManualClock(), polling=False, poll_seconds=1)
    with pytest.raises(Unavailable):
        await anext(watcher.batches())


@pytest.mark.parametrize("polling", [False, True])
async def test_the_root_is_removed_and_comes_back(root: Path, polling: bool) -> None:
    async with finder(root, polling=polling) as finds:
        shutil.rmtree(root)
        await until(lambda: _polled(finds) and finds.error, "the error")
        assert isinstance(finds.error, Unavailable)
        assert finds.error.code == "ingest.root_gone"
        again = asyncio.create_task(finds.run())
        await until(root.is_dir, "the root")
        assert await finds.watcher.rescan_wanted(1)
        (root / "b.jpg").write_bytes(b"x")
        await until(lambda: _polled(finds) and "b.jpg" in finds.found, "b.jpg")
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)


def replace_by_another(folder: Path, elsewhere: Path) -> None:
    folder.rename(elsewhere)
    folder.mkdir()


async def test_another_folder_takes_the_roots_place(root: Path, tmp_path: Path) -> None:
    """As when a disk is mounted over it: the kernel says nothing."""
    async with finder(root) as finds:
        replace_by_another(root, tmp_path / "elsewhere")
        await until(lambda: _polled(finds) and finds.error, "the error")
        assert isinstance(finds.error, Unavailable)
        assert finds.error.code == "ingest.root_gone"


async def gather_from(batches: AsyncIterator[Sequence[FoundFile]], found: list[FoundFile]) -> None:
    async for batch in batches:
        found += batch


async def test_what_was_found_before_an_error_is_given_first(root: Path) -> None:
    watcher = FolderWatcher(root, ManualClock(), polling=False, poll_seconds=1)
    batches = watcher.batches()
    first = asyncio.ensure_future(anext(batches))
    await asyncio.wait_for(watcher.watching.wait(), 4)
    for number in range(200):
        (root / "gate" / f"{number}.jpg").write_bytes(b"x")
    shutil.rmtree(root)
    found = list(await first)
    with pytest.raises(Unavailable):
        await gather_from(batches, found)
    assert [file.relative for file in found] == [f"gate/{number}.jpg" for number in range(200)]


class LimitedTree(TreeWatch):
    """A kernel that gives no watch for folders of some name, as at the limit, until it does."""

    errno = ENOSPC
    limited = "gate"

    def _add_watch(self, path: Path) -> Watch:
        path.stat()
        if self.limited and path.name == self.limited:
            raise OSError(self.errno, os.strerror(self.errno))
        return super()._add_watch(path)


@pytest.mark.parametrize("errno", [ENOSPC, EACCES])
async def test_a_folder_that_cannot_be_watched_is_polled(root: Path, errno: int) -> None:
    class Tree(LimitedTree):
        pass

    Tree.errno = errno
    async with finder(root, open_tree=Tree) as finds:
        await until(lambda: finds.watcher.state.polled == ["gate"], "the state")
        (root / "gate" / "2025").mkdir()
        (root / "gate" / "2025" / "a.jpg").write_bytes(b"x")
        (root / "b.jpg").write_bytes(b"x")
        await finds.finds("b.jpg")
        assert finds.found == ["b.jpg"]
        await until(lambda: _polled(finds) and "gate/2025/a.jpg" in finds.found, "a.jpg")

        Tree.limited = ""
        (root / "gate" / "c.jpg").write_bytes(b"x")
        await until(lambda: _polled(finds) and finds.watcher.state.polled == [], "the state")
        await finds.finds("gate/c.jpg")
        (root / "gate" / "2025" / "d.jpg").write_bytes(b"x")
        await finds.finds("gate/2025/d.jpg")


async def test_a_polled_folder_that_is_removed(root: Path) -> None:
    async with finder(root, open_tree=LimitedTree) as finds:
        await until(lambda: finds.watcher.state.polled == ["gate"], "the state")
        (root / "gate").rmdir()
        await until(lambda: _polled(finds) and finds.watcher.state.polled == [], "the state")


async def test_the_root_itself_cannot_be_watched(root: Path) -> None:
    class Tree(LimitedTree):
        limited = "cameras"

    async with finder(root, open_tree=Tree) as finds:
        await until(lambda: finds.watcher.state.polled == ["."], "the state")
        (root / "gate" / "a.jpg").write_bytes(b"x")
        await until(lambda: _polled(finds) and "gate/a.jpg" in finds.found, "a.jpg")


async def test_no_inotify_at_all(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel gives each user a number of inotify instances, and not one more."""

    def no_instance(*_: object, **__: object) -> None:
        raise OSError(EMFILE, os.strerror(EMFILE))

    monkeypatch.setattr("backend.services.ingest.tree_watch.Inotify", no_instance)
    async with finder(root) as finds:
        assert finds.watcher.state.polled == ["."]
        (root / "gate" / "a.jpg").write_bytes(b"x")
        await until(lambda: _polled(finds) and "gate/a.jpg" in finds.found, "a.jpg")


def most_queued_events() -> int:
    return int(Path("/proc/sys/fs/inotify/max_queued_events").read_text(encoding="ascii"))


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
            assert await finds.watcher.rescan_wanted(1000)
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


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_it_ends_without_a_trace(root: Path) -> None:
    before = open_files()
    for _ in range(3):
        async with finder(root) as finds:
            await finds.has_found_all(root)
    assert open_files() <= before + 1
    assert len(asyncio.all_tasks()) == 1
