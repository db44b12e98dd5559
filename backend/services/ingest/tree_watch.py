"""Inotify over a whole tree: which files were closed after writing, or moved in?"""

import os
import stat
from collections.abc import Iterator
from errno import ENOSPC
from pathlib import Path
from types import TracebackType

import structlog
from asyncinotify import Event, Inotify, Mask, Watch

from backend.core.errors import Unavailable

_MASK = Mask.CLOSE_WRITE | Mask.CREATE | Mask.MOVED_TO | Mask.MOVED_FROM | Mask.ONLYDIR
# Read from the kernel at once; at the default of 10 a burst costs a system call for every ten.
_EVENTS_AT_ONCE = 200

log = structlog.get_logger(__name__)


class Overflow(Exception):  # noqa: N818 - the kernel's word
    """The kernel had more to tell than it could keep: only a scan knows what it was."""


class TreeWatch:
    """Watches a folder and all below it. `unwatched` are folders that the limit left out."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._inotify = Inotify(cache_size=_EVENTS_AT_ONCE)
        self._watches: dict[str, Watch] = {}
        self.unwatched: set[str] = set()

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

    def watch(self, relative: str) -> None:
        """Watch a folder and those below it: each is watched first and listed then, so that what
        comes between the two is heard at least once."""
        pending = [relative]
        while pending:
            folder = pending.pop()
            if not self._watch_one(folder):
                continue
            try:
                entries = list(os.scandir(self._root / folder))
            except OSError:
                continue
            pending += [
                f"{folder}/{entry.name}" if folder else entry.name
                for entry in entries
                if entry.is_dir(follow_symlinks=False)
            ]

    def _watch_one(self, folder: str) -> bool:
        """Whether what is below must be watched, too."""
        try:
            self._watches[folder] = self._inotify.add_watch(self._root / folder, _MASK)
        except OSError as error:
            if error.errno == ENOSPC:
                log.warning("watch limit reached, folder is polled", folder=folder)
                self.unwatched.add(folder)
            elif not folder:
                raise Unavailable(
                    f"cannot watch {self._root}: {error.strerror}", code="ingest.unwatchable"
                ) from error
            return False
        self.unwatched.discard(folder)
        return True

    def _forget(self, folder: str) -> None:
        """Stop watching a folder that was moved away, and all that was below it."""
        for known in [k for k in self._watches if k == folder or k.startswith(f"{folder}/")]:
            watch = self._watches.pop(known)
            try:
                self._inotify.rm_watch(watch)
            except OSError:  # the kernel dropped it with the folder
                log.debug("watch was gone", folder=known)
        self.unwatched -= {u for u in self.unwatched if u == folder or u.startswith(f"{folder}/")}

    async def changes(self) -> "Changes":
        """What has happened next. Raises `Overflow`, and `Unavailable` once the root is gone."""
        return self._sorted(await self._inotify.get())

    def _sorted(self, event: Event) -> "Changes":
        if Mask.Q_OVERFLOW in event.mask:
            raise Overflow
        if event.path is None or (relative := self._relative(event.path)) is None:
            return Changes()
        if Mask.IGNORED in event.mask:
            if not relative:
                raise Unavailable(f"{self._root} has gone away", code="ingest.root_gone")
            self._watches.pop(relative, None)
            return Changes()
        if Mask.ISDIR in event.mask:
            return self._folder_changed(event, relative)
        if Mask.MOVED_FROM in event.mask:
            return Changes()
        if Mask.CREATE in event.mask and not _is_whole_at_once(event.path):
            return Changes()
        return Changes(file=relative)

    def _folder_changed(self, event: Event, relative: str) -> "Changes":
        if Mask.MOVED_FROM in event.mask:
            self._forget(relative)
            return Changes()
        self.watch(relative)
        return Changes(folder=relative)

    def _relative(self, path: Path) -> str | None:
        try:
            relative = path.relative_to(self._root)
        except ValueError:
            return None
        return "" if relative == Path() else str(relative)


class Changes:
    """A file that is complete, or a new folder whose files must be listed, or nothing."""

    def __init__(self, file: str | None = None, folder: str | None = None) -> None:
        self.file = file
        self.folder = folder

    def __iter__(self) -> Iterator[str | None]:
        return iter((self.file, self.folder))


def _is_whole_at_once(path: Path) -> bool:
    """Whether what was created needs no writing: a link, or something that is no file at all.

    A plain new file is heard again when its writer closes it.
    """
    try:
        found = path.lstat()
    except OSError:
        return False
    return not stat.S_ISREG(found.st_mode) or found.st_nlink > 1
