"""Is all that the product keeps whole? Looks at the database and the files, and mends what it can.

Everything may go on meanwhile: nothing is removed that somebody may be about to need.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from backend.core.clock import Clock
from backend.core.content_store import ContentStore
from backend.core.database import Database
from backend.core.errors import Unavailable
from backend.services.stores import picture_store
from backend.services.stores.picture_store import Marked
from backend.services.upkeep.consistency import ANSWERS, NEWEST, SCHEMA, examine
from backend.services.upkeep.picture_check import Ages, PictureCheck
from backend.services.upkeep.thumbnail_check import ThumbnailCheck
from backend.services.upkeep.verdicts import Progress, Verdict
from backend.services.upkeep.work_check import WorkCheck

FOLDER = "the folder of the pictures is this ledger's"
PICTURES = "the pictures"
THUMBNAILS = "the thumbnails"
WORK = "the work under way"

SPARE = timedelta(hours=1)
"""A file must be older to be nobody's: its frame is committed seconds after it was put."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be done: look only, or `repair`; hash every picture (`thorough`); take the folder
    of the pictures for ours, whatever its mark (`accept_folder`)."""

    repair: bool = False
    thorough: bool = False
    accept_folder: bool = False
    spare: timedelta = SPARE


@dataclass(frozen=True, slots=True)
class Checks:
    """The parts of it."""

    pictures: PictureCheck
    thumbnails: ThumbnailCheck
    work: WorkCheck


class Fsck:
    """Looks at the ledger, then at the files, then at the work under way."""

    def __init__(
        self,
        database: Database,
        store: ContentStore,
        checks: Checks,
        clock: Clock,
        *,
        newest: str,
    ) -> None:
        self._database = database
        self._store = store
        self._checks = checks
        self._clock = clock
        self._newest = newest

    async def run(self, wishes: Wishes, progress: Progress) -> list[Verdict]:
        """All verdicts. Where the database does not answer, that is the only one."""
        progress("ledger", 0, 1)
        ledger = [
            Verdict(check.name, None, check.wrong, check.examples, hindrance=check.hindrance)
            for check in await examine(self._database, newest=self._newest)
        ]
        progress("ledger", 1, 1)
        if not _is_readable(ledger):
            return ledger
        return [*ledger, *await self._files_and_work(wishes, progress)]

    async def _files_and_work(self, wishes: Wishes, progress: Progress) -> list[Verdict]:
        try:
            folder, marked = await self._folder(wishes)
        except Unavailable as error:
            folder, marked = Verdict(FOLDER, hindrance=str(error)), None
        files = [folder]
        if marked is not None:
            now = self._clock.now()
            ages = Ages.of(marked.at, now, wishes.spare)
            pictures, thumbnails = self._checks.pictures, self._checks.thumbnails
            files += await _looked(
                PICTURES,
                lambda: pictures.run(
                    ages, progress, thorough=wishes.thorough, repair=wishes.repair
                ),
            )
            files += await _looked(
                THUMBNAILS,
                lambda: thumbnails.run(ages.before_ns, progress, repair=wishes.repair),
            )
        work = self._checks.work
        return [*files, *await _looked(WORK, lambda: work.run(repair=wishes.repair))]

    async def _folder(self, wishes: Wishes) -> tuple[Verdict, Marked | None]:
        """Whether the folder has the ledger's mark; since when, where its files can be looked at.

        One that was deleted is made again by a repair.
        """
        async with self._database.transaction() as session:
            marked = await picture_store.marked(session)
            is_needed = await picture_store.is_needed(session)
        if not is_needed or marked is None:
            anothers = await asyncio.to_thread(self._anothers_mark, marked)
            if anothers is not None:
                return await self._take_over(anothers, wishes)
        if marked is None:
            unmarked = ["it is marked once a worker has been at work"] if is_needed else []
            return Verdict(FOLDER, 1, len(unmarked), unmarked), None
        return await self._marked_folder(marked, wishes, is_needed=is_needed)

    async def _marked_folder(
        self, marked: Marked, wishes: Wishes, *, is_needed: bool
    ) -> tuple[Verdict, Marked | None]:
        self._store.mark, self._store.home = marked.mark, marked.home
        found = await asyncio.to_thread(self._store.found_mark)
        if found == marked.mark:
            return Verdict(FOLDER, 1), marked
        if found is None and not is_needed:
            return Verdict(FOLDER, 1), None
        verdict = Verdict(
            FOLDER, 1, 1, [self._store.why_not_ours()], "makes it again where it was deleted"
        )
        if wishes.accept_folder or (wishes.repair and self._store.was_deleted):
            await asyncio.to_thread(self._store.write_mark, marked.mark)
            return replace(verdict, mended=1), marked
        if self._store.was_deleted:
            return verdict, None
        left = "mount the right one; if this is it, repeat this with --accept-folder"
        return replace(verdict, left=[left]), None

    def _anothers_mark(self, marked: Marked | None) -> str | None:
        """The mark of a folder with pictures that a ledger without any does not take for its."""
        found = self._store.found_mark()
        if found is None or (marked is not None and found == marked.mark):
            return None
        return found if self._store.holds_pictures() else None

    async def _take_over(self, mark: str, wishes: Wishes) -> tuple[Verdict, Marked | None]:
        """Its pictures are older than this ledger's mark, and so are never removed by us."""
        wrong = Verdict(FOLDER, 1, 1, ["it has the mark of another database, and pictures"])
        if not wishes.accept_folder:
            left = "if the other database is gone for good, repeat this with --accept-folder"
            return replace(wrong, left=[left]), None
        await asyncio.to_thread(self._store.write_mark, mark)
        taken = Marked(mark, self._clock.now(), self._store.home)
        async with self._database.transaction() as session:
            await picture_store.lock(session)
            await picture_store.keep(session, mark, taken.home, now=taken.at)
        self._store.mark = mark
        return replace(wrong, mended=1), taken


def _is_readable(ledger: Sequence[Verdict]) -> bool:
    """Whether the ledger has our columns: else what follows would fail, or mend what is whole."""
    of = {verdict.name: verdict for verdict in ledger}
    if of[ANSWERS].hindrance is not None or not of[NEWEST].is_clean:
        return False
    return not any(difference.startswith("column ") for difference in of[SCHEMA].examples)


async def _looked(what: str, look: Callable[[], Awaitable[Sequence[Verdict]]]) -> list[Verdict]:
    try:
        return list(await look())
    except Unavailable as error:
        return [Verdict(what, hindrance=str(error))]
