"""The folder watcher over the real inotify: what is complete is found, nothing is missed."""

import asyncio
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from errno import EACCES, EMFILE, ENOSPC
from pathlib import Path

import pytest
from asyncinotify import Watch
from structlog.testing import capture_logs

from backend.core.errors import Unavailable
from backend.services.ingest.folder_watcher import FolderWatcher
from backend.services.ingest.stage import FoundFile
from backend.services.ingest.tree_watch import TreeWatch
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.ingest import until
from backend.tests.fixtures.watching import Finder, finder


async def test_closed_after_writing(root: Path) -> None:
    async with finder(root) as finds:
        with (root / "gate" / "a.jpg").open("wb") as file:
            file.write(b"x")
            file.flush()
            await finds.has_found_all(root)
            assert finds.found == ["mark0.jpg"]
        await finds.finds("gate/a.jpg")


async def test_when_a_file_was_complete_is_what_the_kernel_says(root: Path, tmp_path: Path) -> None:
    """Of what lies in a folder that is moved here it says nothing."""
    (tmp_path / "tor").mkdir()
    (tmp_path / "tor" / "b.jpg").write_bytes(b"x")
    async with finder(root) as finds:
        finds.clock.advance(7)
        (root / "gate" / "a.jpg").write_bytes(b"x")
        await finds.finds("gate/a.jpg")
        assert finds.completed["gate/a.jpg"] == finds.clock.now()
        (tmp_path / "tor").rename(root / "tor")
        await finds.finds("tor/b.jpg")
        assert finds.completed["tor/b.jpg"] is None


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
        for name in ("a.txt", "a.jpg.tmp", ".txt", "a"):
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


async def test_whose_time_or_permissions_are_set_once_it_is_closed_is_found_again(
    root: Path,
) -> None:
    """Whoever was just reading it has given up: it was changing."""
    async with finder(root) as finds:
        path = root / "gate" / "a.jpg"
        path.write_bytes(b"x")
        await finds.finds("gate/a.jpg")
        os.utime(path, (1, 1))
        await finds.finds("gate/a.jpg", "gate/a.jpg")
        path.chmod(0o600)
        await finds.finds(*["gate/a.jpg"] * 3)


async def test_what_is_touched_while_it_is_written_is_found_once(root: Path) -> None:
    async with finder(root) as finds:
        with (root / "gate" / "a.jpg").open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            await finds.has_found_all(root)
            assert finds.found == ["mark0.jpg"]
        await finds.finds("gate/a.jpg")
        await finds.has_found_all(root, but=1)
        assert finds.found.count("gate/a.jpg") == 1


async def test_a_touched_folder_is_not_listed_anew(root: Path) -> None:
    (root / "gate" / "old.jpg").write_bytes(b"x")
    async with finder(root) as finds:
        os.utime(root / "gate", (1, 1))
        await finds.has_found_all(root)
        assert finds.found == ["mark0.jpg"]


def link_and_remove(path: Path) -> None:
    """As writers do who want no half files seen, where nothing may be replaced."""
    part = path.with_name(".part")
    part.write_bytes(b"x")
    path.hardlink_to(part)
    part.unlink()


def link_from_nowhere(path: Path) -> None:
    """Written without a name, as by O_TMPFILE, and named at the end."""
    nameless = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY)
    os.write(nameless, b"x")
    # With a descriptor of a folder, which is not looked at, links are followed.
    os.link(f"/proc/self/fd/{nameless}", path, src_dir_fd=nameless)
    os.close(nameless)


@pytest.mark.parametrize("publish", [link_and_remove, link_from_nowhere])
async def test_what_is_named_when_it_is_whole_is_found(
    publish: Callable[[Path], None], root: Path
) -> None:
    """The kernel tells that it is there, as of a file that is about to be written, and no more."""
    async with finder(root) as finds:
        publish(root / "gate" / "a.jpg")
        await finds.has_found_all(root)
        for _ in range(3):
            await until(lambda: finds.clock.sleepers, "the end of the look before")
            finds.clock.advance(10)
        await finds.finds("gate/a.jpg")
        await finds.has_found_all(root, but=1)
        assert finds.found.count("gate/a.jpg") == 1


async def test_what_is_begun_and_empty_or_grows_or_goes_is_not_found(root: Path) -> None:
    async with finder(root) as finds:
        with (
            (root / "gate" / "empty.jpg").open("wb"),
            (root / "gate" / "grows.jpg").open("wb") as grows,
        ):
            (root / "gate" / "goes.jpg").open("wb").close()
            await finds.finds("gate/goes.jpg")
            for _ in range(4):
                await until(lambda: finds.clock.sleepers, "the end of the look before")
                grows.write(b"x")
                grows.flush()
                finds.clock.advance(10)
            await finds.has_found_all(root)
            assert finds.found == ["gate/goes.jpg", "mark0.jpg"]


async def test_a_folder_with_files_is_moved_in(root: Path, tmp_path: Path) -> None:
    (tmp_path / "new" / "deep" / "er").mkdir(parents=True)
    (tmp_path / "new" / "a.jpg").write_bytes(b"x")
    (tmp_path / "new" / "deep" / "er" / "b.jpg").write_bytes(b"x")
    async with finder(root) as finds:
        (tmp_path / "new").rename(root / "new")
        await finds.finds("new/a.jpg", "new/deep/er/b.jpg")
        (root / "new" / "deep" / "er" / "c.jpg").write_bytes(b"x")
        await finds.finds("new/deep/er/c.jpg")


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


async def test_a_root_that_is_not_there_is_made_and_said(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with finder(tmp_path / "there") as finds:
            (tmp_path / "there" / "a.jpg").write_bytes(b"x")
            await finds.finds("a.jpg")
    (said,) = [line for line in logs if line["log_level"] == "warning"]
    assert said["event"].startswith("the cameras' folder was not there, and is made")
    assert said["folder"] == str(tmp_path / "there")
    with capture_logs() as logs:
        async with finder(tmp_path / "there"):
            pass
    assert logs == []


async def test_a_root_whose_place_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Its name is mistyped, or its disk not mounted: what is made would lie on another disk."""
    root = tmp_path / "not" / "there"
    watcher = FolderWatcher(root, ManualClock(), polling=False, poll_seconds=1)
    with pytest.raises(Unavailable, match="is INGEST__MEDIA_ROOT right") as raised:
        await anext(watcher.batches())
    assert raised.value.code == "media.root_gone"
    assert not root.parent.exists()


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
        assert finds.error.code == "media.root_gone"
        again = asyncio.create_task(finds.run())
        await until(root.is_dir, "the root")
        assert await finds.watcher.missed(1) == [""]
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
        assert finds.error.code == "media.root_gone"


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


async def test_what_was_there_before_in_an_unwatched_folder_is_for_the_scan(root: Path) -> None:
    class Tree(LimitedTree):
        pass

    (root / "gate" / "old.jpg").write_bytes(b"x")
    async with finder(root, open_tree=Tree) as finds:
        await until(lambda: finds.watcher.state.polled == ["gate"], "the state")
        (root / "gate" / "new.jpg").write_bytes(b"x")
        await until(lambda: _polled(finds) and finds.found, "new.jpg")
        Tree.limited = ""
        (root / "gate" / "newer.jpg").write_bytes(b"x")
        await until(lambda: _polled(finds) and finds.watcher.state.polled == [], "the state")
        await finds.finds("gate/newer.jpg")
        assert finds.found == ["gate/new.jpg", "gate/newer.jpg"], "each once, old.jpg never"


async def test_folders_are_gone_through_beside_the_loop(root: Path) -> None:
    threads: dict[str, int] = {}

    class Tree(LimitedTree):
        def _add_watch(self, path: Path) -> Watch:
            threads[path.name] = threading.get_ident()
            return super()._add_watch(path)

    async with finder(root, open_tree=Tree) as finds:
        await until(lambda: finds.watcher.state.polled == ["gate"], "the state")
        (root / "door").mkdir()
        await until(lambda: "door" in threads, "door")
        Tree.limited = ""
        await until(lambda: _polled(finds) and finds.watcher.state.polled == [], "gate")
    assert threads.keys() == {"cameras", "gate", "door"}
    assert threading.get_ident() not in threads.values()


async def test_nothing_is_closed_while_a_thread_works_on_it(root: Path) -> None:
    entered, go_on = threading.Event(), threading.Event()
    watched: list[str] = []

    class Tree(TreeWatch):
        def _add_watch(self, path: Path) -> Watch:
            entered.set()
            go_on.wait(4)
            watched.append(path.name)
            return super()._add_watch(path)

    async with finder_that_begins(root, Tree) as task:
        await until(entered.is_set, "the thread")
        task.cancel()
        await asyncio.wait({task}, timeout=0.05)
        assert not task.done()
        go_on.set()
        await asyncio.wait({task}, timeout=4)
        assert task.done()
    assert watched == ["cameras"], "what is below is left"


@asynccontextmanager
async def finder_that_begins(
    root: Path, open_tree: Callable[[Path], TreeWatch]
) -> AsyncIterator["asyncio.Task[None]"]:
    """The task of a finder that has perhaps not begun to hear."""
    clock = ManualClock()
    watcher = FolderWatcher(root, clock, polling=False, poll_seconds=10, open_tree=open_tree)
    task = asyncio.create_task(Finder(watcher, clock).run())
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("polling", [False, True])
async def test_a_folder_that_is_a_link_is_said(root: Path, tmp_path: Path, polling: bool) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / "before").symlink_to(tmp_path / "elsewhere")
    with capture_logs() as logs:
        async with finder(root, polling=polling) as finds:
            await until(lambda: list(finds.watcher.state.unseen) == ["before"], "the state")
            assert "symbolic link" in finds.watcher.state.unseen["before"]
            (root / "later").symlink_to(tmp_path / "elsewhere")
            await until(lambda: _polled(finds) and "later" in finds.watcher.state.unseen, "later")
            for folder in ("before", "later"):
                (root / folder).unlink()
                (root / folder).mkdir()
            await until(lambda: _polled(finds) and not finds.watcher.state.unseen, "the end of it")
    said = [line["folder"] for line in logs if line["event"] == "no pictures are seen in a folder"]
    assert said == ["before", "later"], "once each"


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


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_it_ends_without_a_trace(root: Path) -> None:
    before = open_files()
    for _ in range(3):
        async with finder(root) as finds:
            await finds.has_found_all(root)
    assert open_files() <= before + 1
    assert len(asyncio.all_tasks()) == 1
