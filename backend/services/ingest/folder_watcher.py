"""The media folder as a source of frames: told by the kernel, or polled."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from backend.core.clock import Clock
from backend.core.disk_threads import InThread
from backend.core.errors import Unavailable
from backend.domain.frames import FileMark
from backend.domain.paths import path_as_text
from backend.services.ingest.begun import Begun
from backend.services.ingest.reading import is_wanted
from backend.services.ingest.scan import slices
from backend.services.ingest.stage import FoundFile
from backend.services.ingest.tree_watch import Changes, Overflow, TreeWatch
from backend.services.ingest.turns import Turns
from backend.services.ingest.unseen import unseen_folders

_DAY_SECONDS = 86_400.0
_AT_ONCE = 64
_MOST_WAITING = 16_384  # files, a few MB; the kernel keeps as many changes
_MOST_BEGUN = 1024  # files; who writes so many at a time has their folder scanned
_SCAN_PAUSE_SECONDS = 0.2
_ROOT = "."

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class WatchState:
    """How the watching is going, for health; `.` is the media folder itself.

    `polled` are folders that cannot be watched; `unseen` those whose files are not found, each with
    what to do about it.
    """

    folders: int = 0
    polled: list[str] = field(default_factory=list)
    unseen: dict[str, str] = field(default_factory=dict)
    scanned_at: datetime | None = None


class FolderWatcher:
    """Finds the files of a media folder as they become complete.

    With `polling`, or where the kernel has no watches left, a folder is looked at every
    `poll_seconds`, and a file counts once it is the same in two looks. So does one that appeared
    and that nobody closes. What was there before it began is for the scan.

    What is found waits to be taken, camera by camera in turn. Where that is too much, the camera
    that has most waiting loses some, and its folder is `missed`: the scan finds them there.
    """

    def __init__(
        self,
        root: Path,
        clock: Clock,
        *,
        polling: bool,
        poll_seconds: float,
        open_tree: Callable[[Path], TreeWatch] = TreeWatch,
        in_thread: InThread = asyncio.to_thread,
    ) -> None:
        self._in_thread = in_thread
        self._root = root
        self._clock = clock
        self._polling = polling
        self._poll_seconds = poll_seconds
        self._open_tree = open_tree
        self._found = Turns(_MOST_WAITING)
        self._begun = Begun(root, in_thread, most=_MOST_BEGUN)
        self._missed: set[str] = set()  # camera folders, and "" for all: never more than those
        self._rescan = asyncio.Event()
        self.watching = asyncio.Event()
        self.state = WatchState()

    async def batches(self) -> AsyncGenerator[Sequence[FoundFile], None]:
        """Files as they come; never waits for more to come.

        Raises `Unavailable` where the root cannot be made, or has gone away.
        """
        await self._in_thread(self._make_root)
        watching = asyncio.create_task(self._poll_all() if self._polling else self._watch())
        try:
            while True:
                yield await self._next(watching)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def missed(self, patience: float) -> list[str]:
        """Wait until changes were missed, at most `patience` seconds; the folders to be scanned.

        The root, as "", stands for all of them.
        """
        await _until_one_ends(self._rescan.wait(), self._clock.sleep(patience))
        missed = [""] if "" in self._missed else sorted(self._missed)
        self._missed.clear()
        self._rescan.clear()
        return missed

    def _miss(self, folder: str) -> None:
        self._missed.add(folder)
        self._rescan.set()

    def _put(self, file: FoundFile) -> None:
        given_up = self._found.put(file)
        if given_up is not None:
            folder = path_as_text(given_up.folder)
            log.warning("too many files wait, the scan finds the rest", folder=folder)
            self._miss(given_up.folder)

    def _make_root(self) -> None:
        """Make the root where it is not; not the folder above it, which is its disk's, or mistyped.

        What is made is said: whoever mistyped its name would wait for pictures for ever.
        """
        try:
            self._root.mkdir()
        except FileExistsError:
            if self._root.is_dir():
                return
            raise Unavailable(f"{self._root} is no folder", code="media.root_gone") from None
        except FileNotFoundError as error:
            raise Unavailable(
                f"{self._root} cannot be made, since {self._root.parent} is not there: is "
                "INGEST__MEDIA_ROOT right, and its disk mounted?",
                code="media.root_gone",
            ) from error
        except OSError as error:
            raise Unavailable(
                f"cannot make {self._root}: {error.strerror}", code="media.root_gone"
            ) from error
        log.warning(
            "the cameras' folder was not there, and is made: is INGEST__MEDIA_ROOT right?",
            folder=str(self._root),
        )

    def _begin(self) -> None:
        """From now on changes are heard; what came before is for the scan."""
        if self.watching.is_set():  # begun again: who knows what was missed
            self._miss("")
        self.watching.set()

    async def _next(self, watching: "asyncio.Task[None]") -> list[FoundFile]:
        """The files that wait, at least one. An error of the watching task is raised here."""
        if not self._found:
            waiting = asyncio.ensure_future(self._found.wait())
            try:
                await asyncio.wait({waiting, watching}, return_when=asyncio.FIRST_COMPLETED)
                if not self._found:
                    watching.result()
            finally:
                waiting.cancel()
        return self._found.take(_AT_ONCE)

    async def _watch(self) -> None:
        while True:
            try:
                tree = await self._in_thread(self._open_tree, self._root)
            except Unavailable as error:
                if error.code != "ingest.no_inotify":
                    raise
                log.warning("the media folder is polled", reason=str(error))
                self.state.polled = [_ROOT]
                return await self._poll_all()
            with tree, contextlib.suppress(Overflow):
                await tree.watch("")
                looks = {folder: await self._first_look(folder) for folder in tree.unwatched}
                self._begin()
                await _until_one_ends(self._hear(tree), self._poll_unwatched(tree, looks))
            log.warning("the kernel lost track of changes, watching anew")

    async def _hear(self, tree: TreeWatch) -> None:
        while True:
            changes = await tree.changes()
            self._note_file(changes)
            if changes.folder is not None:
                self._note(tree)
                await self._list(changes.folder)

    def _note_file(self, changes: Changes) -> None:
        file, begun, touched, _ = changes
        if begun is not None and is_wanted(begun) and not self._begun.begin(begun):
            self._miss(FoundFile(begun, "watch").folder)
        if touched is not None and touched not in self._begun:  # else its end is still to come
            file = touched
        if file is not None and is_wanted(file):
            self._begun.end(file)
            self._put(FoundFile(file, "watch", completed_at=self._clock.now()))

    def _slices(self, folder: str) -> AsyncIterator[Sequence[FoundFile]]:
        return slices(self._root, folder, found_by="watch", in_thread=self._in_thread)

    async def _list(self, folder: str, look: "Look | None" = None) -> None:
        """Find what is in a folder, but for what a look has given already."""
        async for batch in self._slices(folder):
            for found in batch:
                if look is None or not look.has_given(found):
                    self._put(found)

    async def _poll_unwatched(self, tree: TreeWatch, looks: "dict[str, Look]") -> None:
        """Poll what could not be watched, until it can be, and what was begun and not closed."""
        while True:
            self._note(tree)
            await self._note_unseen()
            await self._clock.sleep(self._poll_seconds)
            await self._in_thread(tree.check_root)
            for found in await self._begun.look():
                self._put(found)
            looks = {folder: looks.get(folder, Look()) for folder in tree.unwatched}
            for folder, look in looks.items():
                await tree.watch(folder)
                if folder in tree.unwatched:
                    await self._poll(folder, look)
                else:
                    await self._list(folder, look)

    def _note(self, tree: TreeWatch) -> None:
        self.state.folders = tree.folders
        self.state.polled = [path_as_text(folder) or _ROOT for folder in tree.unwatched]

    async def _note_unseen(self) -> None:
        unseen = await self._in_thread(unseen_folders, self._root)
        for folder, advice in unseen.items():
            if folder not in self.state.unseen:
                log.warning("no pictures are seen in a folder", folder=folder, reason=advice)
        self.state.unseen = unseen

    async def _poll_all(self) -> None:
        look = await self._first_look("")
        self._begin()
        while True:
            await self._note_unseen()
            await self._clock.sleep(self._poll_seconds)
            if not await self._in_thread(self._root.is_dir):
                raise Unavailable(f"{self._root} has gone away", code="media.root_gone")
            await self._poll("", look)

    async def _first_look(self, folder: str) -> "Look":
        """A look before the scan begins, which then finds all that is there now."""
        look = Look()
        async for batch in self._slices(folder):
            for found in batch:
                look.leave(found)
        look.end()
        return look

    async def _poll(self, folder: str, look: "Look") -> None:
        async for batch in self._slices(folder):
            for found in batch:
                if look.is_settled(found):
                    self._put(found)
        look.end()


async def _until_one_ends(*works: Coroutine[Any, Any, object]) -> None:
    """Run until one of them has ended, and end the others; an error is raised here."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Look:
    """What was there when a folder was last looked at, to tell what has come to rest since.

    It has a name and a mark of each file there, twice while it looks: some 400 bytes a file.
    """

    def __init__(self) -> None:
        self._before: dict[str, FileMark | None] = {}
        self._now: dict[str, FileMark | None] = {}
        self._given: dict[str, FileMark | None] = {}

    def is_settled(self, found: FoundFile) -> bool:
        """Whether a file is as it was in the look before, and has not been said to be so."""
        self._now[found.relative] = found.mark
        settled = self._before.get(found.relative) == found.mark
        fresh = settled and self._given.get(found.relative) != found.mark
        if fresh:
            self._given[found.relative] = found.mark
        return fresh

    def leave(self, found: FoundFile) -> None:
        """A file as it is now is somebody else's to give."""
        self._now[found.relative] = self._given[found.relative] = found.mark

    def has_given(self, found: FoundFile) -> bool:
        """Whether a file was given, or left, as it is now."""
        return found.relative in self._given and self._given[found.relative] == found.mark

    def end(self) -> None:
        """The look has seen all files; those that are gone are forgotten."""
        self._before, self._now = self._now, {}
        self._given = {name: mark for name, mark in self._given.items() if name in self._before}


class FolderScanner:
    """Finds what was there already: at the start, daily, and where changes were missed.

    In slices. Where all was missed, as before the start, one after the other; else with a pause
    between them, so that it is not felt.
    """

    def __init__(
        self,
        root: Path,
        clock: Clock,
        watcher: FolderWatcher,
        in_thread: InThread = asyncio.to_thread,
    ) -> None:
        self._in_thread = in_thread
        self._root = root
        self._clock = clock
        self._watcher = watcher

    async def batches(self) -> AsyncGenerator[Sequence[FoundFile], None]:
        """All files below the root, again and again."""
        await self._watcher.watching.wait()
        folders, pause, due_at = [""], 0.0, 0.0
        while True:
            for folder in folders:
                async for batch in slices(self._root, folder, in_thread=self._in_thread):
                    yield batch
                    await self._clock.sleep(pause)
            if "" in folders:
                self._watcher.state.scanned_at = self._clock.now()
                due_at = self._clock.monotonic() + _DAY_SECONDS
            missed = await self._watcher.missed(max(0.0, due_at - self._clock.monotonic()))
            folders = missed or [""]
            pause = 0.0 if "" in missed else _SCAN_PAUSE_SECONDS
