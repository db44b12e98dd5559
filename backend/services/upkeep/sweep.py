"""Removes day by day the pictures and thumbnails that no frame has, as of deleted cameras."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from backend.core.clock import Clock
from backend.core.database import Database
from backend.services.stores import picture_store
from backend.services.upkeep.picture_check import Ages, PictureCheck
from backend.services.upkeep.thumbnail_check import ThumbnailCheck

_FIRST_AFTER_SECONDS = 3600.0
_EVERY_SECONDS = 86_400.0
_SPARE = timedelta(days=1)

log = structlog.get_logger(__name__)


class Sweep:
    """An hour after the start, and daily: what has been nobody's for a day.

    Deleting rows needs no files to be deleted with them: whatever is stopped in between, the files
    are found here. `is_ours` raises `Unavailable` where another disk is in the pictures' place.
    """

    def __init__(
        self,
        database: Database,
        pictures: PictureCheck,
        thumbnails: ThumbnailCheck,
        clock: Clock,
        is_ours: Callable[[], Awaitable[None]],
    ) -> None:
        self._database = database
        self._pictures = pictures
        self._thumbnails = thumbnails
        self._clock = clock
        self._is_ours = is_ours

    async def run(self) -> None:
        """Sweep for ever."""
        await self._clock.sleep(_FIRST_AFTER_SECONDS)
        while True:
            await self.sweep()
            await self._clock.sleep(_EVERY_SECONDS)

    async def sweep(self) -> int:
        """Remove them once; how many files. Raises `Unavailable`."""
        await self._is_ours()
        async with self._database.transaction() as session:
            marked = await picture_store.marked(session)
        if marked is None:
            return 0
        ages = Ages.of(marked.at, self._clock.now(), _SPARE)
        removed = await self._pictures.remove_orphans(ages)
        removed += await self._thumbnails.remove_orphans(ages.before_ns)
        if removed:
            log.info("files that no frame has were removed", files=removed)
        return removed
