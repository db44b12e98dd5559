"""Is the folder that pictures are copied to the one that the ledger means?"""

import asyncio
from secrets import token_hex

from backend.core.clock import Clock
from backend.core.content_store import OTHER_DISK, ContentStore
from backend.core.database import Database
from backend.core.disk_threads import InThread
from backend.core.errors import Unavailable
from backend.services.stores import picture_store
from backend.services.stores.picture_store import Marked

_LOOK_EVERY_SECONDS = 5.0


class PictureDisk:
    """Knows the folder again by its mark, which is in the ledger too.

    Both are marked together at the first start. While the ledger has no frames, whatever folder is
    there is marked, unless it holds pictures under another ledger's mark; later a folder without
    the mark is another disk, and one that was deleted is made again.

    The ledger knows the folder above it too, so that what lies beneath the mount point of a disk
    that is missing is not taken for the place from which the folder was deleted.
    """

    def __init__(
        self,
        store: ContentStore,
        database: Database,
        clock: Clock,
        in_thread: InThread = asyncio.to_thread,
    ) -> None:
        self._in_thread = in_thread
        self._store = store
        self._database = database
        self._clock = clock
        self._kept_home: int | None = None

    async def run(self) -> None:
        """Look every 5 s, so that it is known also while no pictures come. Raises as `check`."""
        while True:
            await self.check()
            await self._clock.sleep(_LOOK_EVERY_SECONDS)

    async def check(self) -> None:
        """Raise `Unavailable` where it is another (`pictures.other_disk`), or nobody knows."""
        if self._store.mark is None:
            await self._agree()
        await self._check()
        if self._store.home != self._kept_home:
            await self._keep_home(self._store.mark)

    async def _agree(self) -> None:
        agreed = await self._agreed_mark()
        self._store.mark, self._store.home = agreed.mark, agreed.home
        self._kept_home = agreed.home

    async def _keep_home(self, mark: str | None) -> None:
        """The folder was moved, or noted by one that knew no homes yet."""
        async with self._database.transaction() as session:
            await picture_store.lock(session)
            known = await picture_store.marked(session)
            home = self._store.home
            if known is not None and known.mark == mark:
                await picture_store.keep(session, known.mark, home, now=self._clock.now())
        self._kept_home = home

    async def _check(self) -> None:
        try:
            await self._in_thread(self._store.check)
        except Unavailable as error:
            if error.code != OTHER_DISK:
                raise
            await self._agree()
            await self._in_thread(self._store.check)

    async def _agreed_mark(self) -> Marked:
        """The ledger's mark. While it needs no pictures, ledger and folder are given one mark."""
        async with self._database.transaction() as session:
            await picture_store.lock(session)
            known = await picture_store.marked(session)
            if known is not None and await picture_store.is_needed(session):
                return known
            found = await self._in_thread(self._store.found_mark)
            if found is not None and (known is None or found != known.mark):
                await self._in_thread(self._refuse_anothers)
            mark = found or (known.mark if known else token_hex(16))
            # Before the commit: after a crash between the two, the ledger takes the folder's mark.
            await self._in_thread(self._store.write_mark, mark)
            agreed = Marked(mark, self._clock.now(), self._store.home)
            await picture_store.keep(session, mark, agreed.home, now=agreed.at)
        return agreed

    def _refuse_anothers(self) -> None:
        """Raise `Unavailable` where pictures lie under a mark that is not our ledger's.

        No picture is put before the ledger has the mark: after a crash before that there are none.
        """
        if self._store.holds_pictures():
            raise Unavailable(
                "the folder of the pictures has the mark of another database, and pictures: give "
                "this database a data folder of its own; or, if the other is gone for good, "
                "`hsi fsck --accept-folder`",
                code=OTHER_DISK,
            )
