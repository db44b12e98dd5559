"""Makes the folders of cameras again that were deleted while we watched."""

import asyncio
import os
from pathlib import Path

import structlog

from backend.core.clock import Clock
from backend.core.database import Database
from backend.core.disk_threads import InThread
from backend.domain.paths import text_as_path
from backend.services.stores import cameras

_LOOK_EVERY_SECONDS = 10.0

log = structlog.get_logger(__name__)


class CameraFolders:
    """Sees to it that a camera finds the folder that it puts its pictures into.

    Only a folder that was seen before is made again, and only where the media folder is still the
    one that it was seen in: nothing is to be written below the mount point of an absent disk.
    """

    def __init__(
        self,
        root: Path,
        database: Database,
        clock: Clock,
        in_thread: InThread = asyncio.to_thread,
    ) -> None:
        self._in_thread = in_thread
        self._root = root
        self._database = database
        self._clock = clock
        self._seen: set[str] = set()
        self._seen_in: os.stat_result | None = None

    async def run(self) -> None:
        """Look every 10 s."""
        while True:
            await self.look()
            await self._clock.sleep(_LOOK_EVERY_SECONDS)

    async def look(self) -> None:
        """Make again what is gone. Raises `Unavailable` where the ledger does not answer."""
        async with self._database.transaction() as session:
            folders = await cameras.folders(session)
        await self._in_thread(self._look, [text_as_path(folder) for folder in folders])

    def _look(self, folders: list[str]) -> None:
        try:
            root = self._root.stat()
        except OSError:  # the watch says so
            return
        if self._seen_in is None or not os.path.samestat(self._seen_in, root):
            self._seen, self._seen_in = set(), root
        there = {folder for folder in folders if os.path.lexists(self._root / folder)}
        for folder in sorted((self._seen - there) & set(folders)):
            self._make(folder)
        self._seen |= there

    def _make(self, folder: str) -> None:
        try:
            (self._root / folder).mkdir()
        except OSError as error:
            log.warning("a camera's folder is gone", folder=folder, reason=error.strerror)
        else:
            log.warning("a camera's folder was deleted, and is made again", folder=folder)
