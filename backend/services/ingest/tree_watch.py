"""Inotify over a whole tree: which files were closed after writing, or moved in?"""

import asyncio
import os
import stat
from collections.abc import Callable
from errno import ENOENT, ENOTDIR
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import structlog
from asyncinotify import Event, Inotify, Mask, Watch

from backend.core.disk_threads import InThread
from backend.core.errors import Unavailable
from backend.domain.paths import path_as_text

# ATTRIB: some writers set a file's time once it is closed, and others its permissions.
_MASK = (
    Mask.CLOSE_WRITE | Mask.ATTRIB | Mask.CREATE | Mask.MOVED_TO | Mask.MOVED_FROM | Mask.ONLYDIR
)
# Read from the kernel at once; at the default of 10 a burst costs a system call for every ten.
_EVENTS_AT_ONCE = 200
_FOLDERS_AT_ONCE = 200
_FAREWELL_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Overflow(Exception):  # noqa: N818 - the kernel's word
    """The kernel had more to tell than it could keep: only a scan knows what it was."""


class Changes(NamedTuple):
    """A file that is complete, or was begun, or has other attributes now; or a new folder whose
    files must be listed; or nothing."""

    file: str | None = None
    begun: str | None = None
    touched: str | None = None
    folder: str | None = None


class TreeWatch:
    """Watches a folder and all below it; folders are gone through in a thread.

    What it keeps is a name for each folder. Changes that nobody asks for stay with the kernel,
    which keeps `fs.inotify.max_queued_events` of them and then says that there were more.

    Raises `Unavailable` where the root is not there (`media.root_gone`) or the kernel gives no
    inotify at all (`ingest.no_inotify`).
    """

    def __init__(self, root: Path, in_thread: InThread = asyncio.to_thread) -> None:
        self._root = root
        self._in_thread = in_thread
        self._place = self._place_now()
        try:
            self._inotify = Inotify(cache_size=_EVENTS_AT_ONCE)
        except OSError as error:
            raise Unavailable(f"no inotify: {error.strerror}", code="ingest.no_inotify") from error
        # A watch is on a folder, not on its name: the kernel gives the same one again for a folder
        # that was moved. So we keep its present name ourselves; asyncinotify keeps the first.
        self._watches: dict[str, Watch] = {}
        self._folders: dict[int, str] = {}
        self._unwatched: set[str] = set()
        # Held while what we know of the folders changes, in a thread or not.
        self._changing = asyncio.Lock()
        self._ending = False

    def __enter__(self) -> "TreeWatch":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._inotify.close()

    @property
    def folders(self) -> int:
        """How many folders are watched."""
        return len(self._watches)

    @property
    def unwatched(self) -> list[str]:
        """Folders that could not be watched: the limit was reached, or we may not read them."""
        return sorted(self._unwatched)

    def check_root(self) -> None:
        """Raise `Unavailable` where another folder has taken the root's place, or none is there.

        The kernel does not tell when the root is moved, or something is mounted over it.
        """
        if self._place_now() != self._place:
            raise Unavailable(f"{self._root} is another folder now", code="media.root_gone")

    def _place_now(self) -> tuple[int, int]:
        try:
            found = self._root.stat()
        except OSError as error:
            raise Unavailable(
                f"cannot watch {self._root}: {error.strerror}", code="media.root_gone"
            ) from error
        return found.st_dev, found.st_ino

    async def watch(self, relative: str) -> None:
        """Watch a folder and those below it.

        Each is watched first and listed then. What comes meanwhile is heard, or is there for who
        lists the folder afterwards.
        """
        async with self._changing:
            await self._watch_in_thread(relative)

    async def _watch_in_thread(self, relative: str) -> None:
        pending = [relative]
        while pending:
            await self._in_thread_to_its_end(self._watch_some, pending)

    async def _in_thread_to_its_end(
        self, work: Callable[[list[str]], None], pending: list[str]
    ) -> None:
        working = asyncio.ensure_future(self._in_thread(work, pending))
        try:
            await asyncio.shield(working)
        except asyncio.CancelledError:
            # A thread cannot be cancelled, and works on what is closed next. One that waits for a
            # disk in vain is left alone: it does no more once that answers.
            self._ending = True
            _, left = await asyncio.wait({working}, timeout=_FAREWELL_SECONDS)
            for one in left:
                one.cancel()
            raise
        except Unavailable:
            self._ending = True
            raise

    def _watch_some(self, pending: list[str]) -> None:
        """Watch some folders, and add those below them to what is pending: never all at once, so
        that a large tree is not taken for a disk that does not answer."""
        for _ in range(_FOLDERS_AT_ONCE):
            if not pending or self._ending:
                return
            folder = pending.pop()
            if not self._watch_one(folder):
                continue
            try:
                entries = list(os.scandir(self._root / folder))
            except OSError:
                continue
            pending += [
                _join(folder, entry.name)
                for entry in entries
                if entry.is_dir(follow_symlinks=False)
            ]

    def _watch_one(self, folder: str) -> bool:
        """Whether what is below must be watched, too."""
        try:
            watch = self._add_watch(self._root / folder)
        except OSError as error:
            self._leave_out(folder, error)
            return False
        earlier = self._folders.get(watch.wd)
        if earlier is not None:  # moved here, and we have yet to hear of it
            self._watches.pop(earlier, None)
        self._watches[folder] = watch
        self._folders[watch.wd] = folder
        self._unwatched.discard(folder)
        return True

    def _add_watch(self, path: Path) -> Watch:
        return self._inotify.add_watch(path, _MASK)

    def _leave_out(self, folder: str, error: OSError) -> None:
        if folder and error.errno in {ENOENT, ENOTDIR}:
            self._unwatched.discard(folder)
        elif folder not in self._unwatched:
            log.warning(
                "folder cannot be watched, it is polled",
                folder=path_as_text(folder),
                reason=error.strerror,
            )
            self._unwatched.add(folder)

    def _forget(self, folder: str) -> None:
        """Stop watching a folder that was moved away, and all that was below it."""
        below = f"{folder}/"
        for known in [k for k in self._watches if k == folder or k.startswith(below)]:
            watch = self._watches.pop(known)
            del self._folders[watch.wd]
            try:
                self._inotify.rm_watch(watch)
            except OSError:  # the kernel dropped it with the folder
                log.debug("watch was gone", folder=path_as_text(known))
        self._unwatched -= {u for u in self._unwatched if u == folder or u.startswith(below)}

    async def changes(self) -> Changes:
        """What has happened next. Raises `Overflow`, and `Unavailable` once the root is gone."""
        event = await self._inotify.get()
        if Mask.Q_OVERFLOW in event.mask:
            raise Overflow
        if Mask.ISDIR in event.mask or Mask.IGNORED in event.mask:
            async with self._changing:
                return await self._tree_changed(event)
        return self._file_changed(event)

    def _folder_of(self, event: Event) -> str | None:
        return None if event.watch is None else self._folders.get(event.watch.wd)

    def _file_changed(self, event: Event) -> Changes:
        folder = self._folder_of(event)
        if folder is None or event.name is None or Mask.MOVED_FROM in event.mask:
            return Changes()
        relative = _join(folder, str(event.name))
        if Mask.CREATE in event.mask and not _is_whole_at_once(self._root / relative):
            return Changes(begun=relative)
        if Mask.ATTRIB in event.mask:
            return Changes(touched=relative)
        return Changes(file=relative)

    async def _tree_changed(self, event: Event) -> Changes:
        watch, folder = event.watch, self._folder_of(event)
        if watch is None or folder is None:
            return Changes()
        if Mask.IGNORED in event.mask:
            self._dropped(watch, folder)
        if event.name is None:
            return Changes()
        relative = _join(folder, str(event.name))
        if Mask.MOVED_FROM in event.mask:
            self._forget(relative)
            return Changes()
        if Mask.ATTRIB in event.mask and relative in self._watches:
            return Changes()
        await self._watch_in_thread(relative)
        return Changes(folder=relative)

    def _dropped(self, watch: Watch, folder: str) -> None:
        """The kernel has ended a watch, with the folder or the file system that it was on."""
        if not folder:
            raise Unavailable(f"{self._root} has gone away", code="media.root_gone")
        del self._folders[watch.wd]
        if self._watches.get(folder) is watch:
            del self._watches[folder]


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _is_whole_at_once(path: Path) -> bool:
    """Whether what was created needs no writing: a link, or something that is no file at all.

    A plain new file is heard again when its writer closes it; unless it is a link whose other name
    is gone already.
    """
    try:
        found = path.lstat()
    except OSError:
        return False
    return not stat.S_ISREG(found.st_mode) or found.st_nlink > 1
