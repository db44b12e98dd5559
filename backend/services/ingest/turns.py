"""Files that wait to be taken in, camera by camera in turn."""

import asyncio
from collections import OrderedDict, deque

from backend.services.ingest.stage import FoundFile


class Turns:
    """A line of files for each camera; who takes goes from line to line, one file of each.

    So a camera that floods delays the others by a turn, and not by its line. No more than `most`
    files wait in all: for one too many the longest line gives up its last.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines: OrderedDict[str, deque[FoundFile]] = OrderedDict()
        self._waiting = 0
        self._some = asyncio.Event()

    def __len__(self) -> int:
        return self._waiting

    def put(self, file: FoundFile) -> FoundFile | None:
        """Let a file wait; the one that had to give way, be it another or the same."""
        self._lines.setdefault(file.folder, deque()).append(file)
        self._waiting += 1
        self._some.set()
        if self._waiting <= self._most:
            return None
        folder = max(self._lines, key=lambda name: len(self._lines[name]))
        given_up = self._lines[folder].pop()
        self._shrink(folder)
        return given_up

    def take(self, at_most: int) -> list[FoundFile]:
        """Files whose turn it is, of each line in order; none where none wait."""
        taken: list[FoundFile] = []
        while self._lines and len(taken) < at_most:
            folder, line = next(iter(self._lines.items()))
            taken.append(line.popleft())
            self._lines.move_to_end(folder)
            self._shrink(folder)
        return taken

    async def wait(self) -> None:
        """Until there is a file to take."""
        await self._some.wait()

    def _shrink(self, folder: str) -> None:
        """A file of this line is gone; and so is the line with its last."""
        self._waiting -= 1
        if not self._lines[folder]:
            del self._lines[folder]
        if not self._waiting:
            self._some.clear()
