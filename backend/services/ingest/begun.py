"""Files that somebody has begun and not closed yet. Some never will be."""

from collections.abc import Mapping
from pathlib import Path

from backend.core.disk_threads import InThread
from backend.domain.frames import FileMark
from backend.services.ingest.reading import mark_of
from backend.services.ingest.stage import FoundFile

_AT_ONCE = 200


class Begun:
    """Of a file that is written in its place the kernel tells the end. Of one that was written
    under another name, or none, and linked here, it tells no more than the beginning: such a file
    counts once it is the same in two looks, as where folders are polled.

    Remembers `most` files.
    """

    def __init__(self, root: Path, in_thread: InThread, *, most: int) -> None:
        self._root = root
        self._in_thread = in_thread
        self._most = most
        self._marks: dict[str, FileMark | None] = {}

    def __contains__(self, relative: str) -> bool:
        return relative in self._marks

    def begin(self, relative: str) -> bool:
        """A file is there; False where there are too many to remember it."""
        if len(self._marks) >= self._most:
            return False
        self._marks[relative] = None
        return True

    def end(self, relative: str) -> None:
        """It was closed after writing."""
        self._marks.pop(relative, None)

    async def look(self) -> list[FoundFile]:
        """Those that have come to rest; they, and those that are gone, are remembered no longer."""
        names, settled = list(self._marks), []
        for at in range(0, len(names), _AT_ONCE):
            marks = await self._in_thread(self._marks_of, names[at : at + _AT_ONCE])
            settled += self._compare(marks)
        return settled

    def _marks_of(self, names: list[str]) -> dict[str, FileMark | None]:
        return {name: self._mark_of(name) for name in names}

    def _mark_of(self, name: str) -> FileMark | None:
        try:
            return mark_of((self._root / name).lstat())
        except OSError:
            return None

    def _compare(self, marks: Mapping[str, FileMark | None]) -> list[FoundFile]:
        settled = []
        for name, mark in marks.items():
            if name not in self._marks:  # it was closed meanwhile
                continue
            rests = mark is not None and mark.size > 0 and mark == self._marks[name]
            if rests:
                settled.append(FoundFile(name, "watch", mark))
            if rests or mark is None:
                del self._marks[name]
            else:
                self._marks[name] = mark
        return settled
