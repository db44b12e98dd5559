"""The pictures' copies against the ledger: what is missing, damaged, or needed by no frame."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from backend.core.clock import Clock
from backend.core.content_store import SHELVES, ContentStore, Shelf, Stored
from backend.core.database import Database
from backend.core.errors import HsiError, NotFound, Unavailable
from backend.services.stores import inventory
from backend.services.stores.inventory import Wanted
from backend.services.upkeep.removal import Removal
from backend.services.upkeep.verdicts import Progress, Tally, Verdict

COPIES = "every frame has its picture's copy"
WHOLE = "every copy is whole"
NEEDED = "every copy is a frame's"
FINISHED = "nothing was left half written or half removed"
OURS = "nothing foreign lies among the pictures"

_FRAMES_AT_ONCE = 100_000
_SHELVES_AT_ONCE = 16


class Originals(Protocol):
    """The files that cameras have put."""

    async def copy_again(self, frame_id: int) -> None:
        """Make the copy of a frame's picture again. Raises `NotFound`, with the reason, or
        `Unavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class Ages:
    """Of what times a file must be to be nobody's: it was last put after the folder became the
    ledger's, and before anybody who is still at work can have put it."""

    after_ns: int
    before_ns: int

    @classmethod
    def of(cls, marked_at: datetime, now: datetime, spare: timedelta) -> "Ages":
        """The times for a folder that is the ledger's since then."""
        return cls(_nanoseconds(marked_at), _nanoseconds(now - spare))

    def are_of(self, stored: Stored) -> bool:
        """Whether a file may be removed, as far as its time tells."""
        return self.after_ns <= stored.mtime_ns < self.before_ns


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000


@dataclass(slots=True)
class _Tallies:
    copies: Tally = field(
        default_factory=lambda: Tally(COPIES, "copies them again from the cameras' folders")
    )
    whole: Tally = field(
        default_factory=lambda: Tally(WHOLE, "copies them again from the cameras' folders")
    )
    needed: Tally = field(default_factory=lambda: Tally(NEEDED, "removes them"))
    finished: Tally = field(default_factory=lambda: Tally(FINISHED, "removes them"))
    ours: Tally = field(default_factory=lambda: Tally(OURS))

    @property
    def verdicts(self) -> list[Verdict]:
        tallies = (self.copies, self.whole, self.needed, self.finished, self.ours)
        return [tally.verdict for tally in tallies]


class PictureCheck:
    """Looks at one part of the pictures after the other, however many there are.

    First the ledger is asked, then the disk: whatever the ledger had by then is on the disk, and
    what is on the disk and not in the ledger may have come meanwhile, which its time tells.
    """

    def __init__(
        self, database: Database, store: ContentStore, originals: Originals, clock: Clock
    ) -> None:
        self._database = database
        self._store = store
        self._originals = originals
        self._clock = clock
        self._removal = Removal(database, store)

    async def run(
        self, ages: Ages, progress: Progress, *, thorough: bool, repair: bool
    ) -> list[Verdict]:
        """What holds and what does not; mended where that is wanted. Raises `Unavailable`."""
        tallies = _Tallies()
        async with self._database.transaction() as session:
            parts = 1 + await inventory.count_frames(session) // _FRAMES_AT_ONCE
        span = max(1, SHELVES // parts)
        for first in range(0, SHELVES, span):
            last = min(first + span, SHELVES) - 1
            wanted = await self._wanted(first, last)
            for begin in range(first, last + 1, _SHELVES_AT_ONCE):
                numbers = range(begin, min(begin + _SHELVES_AT_ONCE, last + 1))
                for number, shelf in zip(numbers, await self._shelves(numbers), strict=True):
                    here = wanted.get(number, {})
                    await self._look(here, shelf, ages, tallies, thorough=thorough, repair=repair)
                progress("pictures", numbers.stop, SHELVES)
        tallies.ours.add(str(path) for path in await asyncio.to_thread(self._store.strange))
        return tallies.verdicts

    async def remove_orphans(self, ages: Ages) -> int:
        """Remove what no frame has, and what was left half done, and nothing else; how much."""
        tallies = _Tallies()
        for number in range(SHELVES):
            (shelf,) = await self._shelves(range(number, number + 1))
            if not shelf.contents and not shelf.set_aside and not shelf.unfinished:
                continue
            old = [h for h, one in shelf.contents.items() if one.mtime_ns < ages.before_ns]
            wanted = await self._needed(old)
            await self._look_for_orphans(wanted, shelf, ages, tallies, repair=True)
            await self._clock.sleep(0.2)  # not to be felt
        return tallies.needed.mended + tallies.finished.mended

    async def _shelves(self, numbers: range) -> list[Shelf]:
        return await asyncio.to_thread(lambda: [self._store.shelf(one) for one in numbers])

    async def _wanted(self, first: int, last: int) -> dict[int, dict[bytes, Wanted]]:
        """What the ledger needs, by the shelf where it must lie."""
        async with self._database.transaction() as session:
            found = await inventory.wanted_pictures(session, first, last)
        shelves: dict[int, dict[bytes, Wanted]] = {}
        for one in found:
            shelves.setdefault(one.content_hash[0], {})[one.content_hash] = one
        return shelves

    async def _needed(self, hashes: Sequence[bytes]) -> set[bytes]:
        async with self._database.transaction() as session:
            return await inventory.needed_pictures(session, hashes)

    async def _look(
        self,
        wanted: Mapping[bytes, Wanted],
        shelf: Shelf,
        ages: Ages,
        tallies: _Tallies,
        *,
        thorough: bool,
        repair: bool,
    ) -> None:
        tallies.copies.looked_at += len(wanted)
        tallies.ours.looked_at += len(shelf.contents)
        missing = [one for h, one in wanted.items() if h not in shelf.contents]
        await self._look_again(missing, tallies.copies, "is gone", repair=repair)
        there = [one for h, one in wanted.items() if h in shelf.contents]
        tallies.whole.looked_at += len(there)
        damaged = [one for one in there if shelf.contents[one.content_hash].size != one.size]
        if thorough:
            damaged += await asyncio.to_thread(self._damaged, there)
        await self._look_again(damaged, tallies.whole, "is damaged", repair=repair)
        await self._look_for_orphans(wanted, shelf, ages, tallies, repair=repair)
        tallies.ours.add(str(path) for path in shelf.strange)

    def _damaged(self, wanted: Iterable[Wanted]) -> list[Wanted]:
        """Those of the right size whose content is another, or that have vanished meanwhile."""
        return [one for one in wanted if self._has_its_size(one) and not self._is_sound(one)]

    def _has_its_size(self, one: Wanted) -> bool:
        try:
            return self._store.path(one.content_hash).stat().st_size == one.size
        except OSError:
            return True  # it had; a closer look tells

    def _is_sound(self, one: Wanted) -> bool:
        try:
            self._store.read(one.content_hash)
        except (NotFound, OSError):
            return False
        return True

    async def _look_again(
        self, doubtful: Sequence[Wanted], tally: Tally, what: str, *, repair: bool
    ) -> None:
        """Count those that are wrong still, and whose frames are; and mend them."""
        doubtful = [one for one in doubtful if not one.given_up]
        if not doubtful:
            return
        needed = await self._needed([one.content_hash for one in doubtful])
        for one in doubtful:
            sound = await asyncio.to_thread(self._is_sound, one)
            if one.content_hash not in needed or sound:
                continue
            tally.add([f"the copy of frame {max(one.frame_ids)} {what}"])
            if repair:
                await self._copy_again(one, tally)

    async def _copy_again(self, one: Wanted, tally: Tally) -> None:
        why: HsiError | None = None
        for frame_id in one.frame_ids:
            try:
                await self._originals.copy_again(frame_id)
            except (NotFound, Unavailable) as error:
                why = error
            else:
                tally.mended += 1
                return
        tally.leave(f"frame {max(one.frame_ids)}: {why}")

    async def _look_for_orphans(
        self,
        wanted: Mapping[bytes, Wanted] | set[bytes],
        shelf: Shelf,
        ages: Ages,
        tallies: _Tallies,
        *,
        repair: bool,
    ) -> None:
        tally = tallies.needed
        tally.looked_at += len(shelf.contents)
        alone = {h: one for h, one in shelf.contents.items() if h not in wanted}
        orphans = [h for h, one in alone.items() if ages.are_of(one)]
        foreign = [h for h, one in alone.items() if one.mtime_ns < ages.after_ns]
        tally.add(f"{self._store.path(h)} is no frame's" for h in orphans)
        tally.add(f"{self._store.path(h)} is older than this ledger" for h in foreign)
        if repair:
            await asyncio.to_thread(self._adopt, wanted, shelf, ages)
        if repair and foreign:
            tally.leave("what is older than this ledger may be another's: remove it by hand")
        if repair and orphans:
            tally.mended += await self._removal.remove(orphans, before_ns=ages.before_ns)
        await self._look_for_leftovers(shelf, ages, tallies.finished, repair=repair)

    def _adopt(self, wanted: Mapping[bytes, Wanted] | set[bytes], shelf: Shelf, ages: Ages) -> None:
        """Give pictures that are older than the ledger's mark, and a frame's, a new time.

        They are ours, as of a ledger from before there were marks; and so they can be told from
        another's once their frames are gone.
        """
        for content_hash, one in shelf.contents.items():
            if content_hash in wanted and one.mtime_ns < ages.after_ns:
                self._store.touch(content_hash)

    async def _look_for_leftovers(
        self, shelf: Shelf, ages: Ages, tally: Tally, *, repair: bool
    ) -> None:
        aside = [p for p, one in shelf.set_aside.items() if one.mtime_ns < ages.before_ns]
        unfinished = [p for p, one in shelf.unfinished.items() if one.mtime_ns < ages.before_ns]
        tally.looked_at += len(shelf.set_aside) + len(shelf.unfinished)
        tally.add(f"{path} was about to be removed" for path in aside)
        tally.add(f"{path} was not written to its end" for path in unfinished)
        if repair:
            await self._removal.end(aside, before_ns=ages.before_ns)
            kept = await asyncio.to_thread(_unlink, unfinished)
            tally.mended += len(aside) + len(unfinished) - len(kept)
            for path, why in kept.items():
                tally.leave(f"{path} cannot be removed: {why}")


def _unlink(paths: Iterable[Path]) -> dict[Path, str | None]:
    """Remove files; those that cannot be, and why."""
    kept = {}
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            kept[path] = error.strerror
    return kept
