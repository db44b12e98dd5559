"""The folders of restored cameras as a source of frames."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from backend.core.clock import Clock
from backend.core.database import Database
from backend.core.disk_threads import InThread
from backend.domain.paths import text_as_path
from backend.services.ingest.scan import slices
from backend.services.ingest.stage import FoundFile
from backend.services.stores import cameras
from backend.services.stores.cameras import WantedScan

_EVERY_SECONDS = 2.0


class RestoredFolders:
    """Finds what lies in the folders of cameras whose tombstones were taken away.

    The wish is in the ledger until all that was found has been taken in, so that it outlives
    whoever is at it.
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

    async def batches(self) -> AsyncGenerator[Sequence[FoundFile], None]:
        """The files of each such folder. Raises `Unavailable` where the ledger is not there."""
        while True:
            for scan in await self._wanted():
                folder = text_as_path(scan.folder)
                async for batch in slices(self._root, folder, in_thread=self._in_thread):
                    yield batch
                await self._scanned(scan)
            await self._clock.sleep(_EVERY_SECONDS)

    async def _wanted(self) -> Sequence[WantedScan]:
        async with self._database.transaction() as session:
            return await cameras.wanted_scans(session)

    async def _scanned(self, scan: WantedScan) -> None:
        async with self._database.transaction() as session:
            await cameras.scanned(session, scan)
