"""Is the folder that pictures are copied to the one that the ledger means?"""

import asyncio
from secrets import token_hex

from backend.core.clock import Clock
from backend.core.content_store import OTHER_DISK, ContentStore
from backend.core.database import Database
from backend.core.errors import Unavailable
from backend.services.stores import picture_store

_LOOK_EVERY_SECONDS = 5.0


class PictureDisk:
    """Knows the folder again by its mark, which is in the ledger too.

    Both are marked together at the first start. While the ledger has no frames, whatever folder is
    there is marked; later a folder without the mark is another disk, and one that was deleted is
    made again.
    """

    def __init__(self, store: ContentStore, database: Database, clock: Clock) -> None:
        self._store = store
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Look every 5 s, so that it is known also while no pictures come. Raises as `check`."""
        while True:
            await self.check()
            await self._clock.sleep(_LOOK_EVERY_SECONDS)

    async def check(self) -> None:
        """Raise `Unavailable` where it is another (`pictures.other_disk`), or nobody knows."""
        if self._store.mark is None:
            self._store.mark = await self._agreed_mark()
        await self._check()

    async def _check(self) -> None:
        try:
            await asyncio.to_thread(self._store.check)
        except Unavailable as error:
            if error.code != OTHER_DISK:
                raise
            self._store.mark = await self._agreed_mark()
            await asyncio.to_thread(self._store.check)

    async def _agreed_mark(self) -> str:
        """The ledger's mark. While it needs no pictures, ledger and folder are given one mark."""
        async with self._database.transaction() as session:
            await picture_store.lock(session)
            known = await picture_store.marked(session)
            if known is not None and await picture_store.is_needed(session):
                return known.mark
            found = await asyncio.to_thread(self._store.found_mark)
            mark = found or (known.mark if known else token_hex(16))
            await picture_store.keep(session, mark, now=self._clock.now())
            # Before the commit: after a crash between the two, the ledger takes the folder's mark.
            if found is None:
                await asyncio.to_thread(self._store.write_mark, mark)
        return mark
