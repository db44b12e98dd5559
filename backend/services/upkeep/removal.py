"""Removes pictures that no frame has, while cameras go on to put theirs."""

import asyncio
from collections.abc import Collection
from pathlib import Path

from backend.core.content_store import ContentStore, content_set_aside
from backend.core.database import Database
from backend.services.stores import inventory

_AT_ONCE = 1000


class Removal:
    """Sets a picture aside, asks the ledger once more whether a frame has it, and unlinks it.

    Whoever puts the same picture before it is set aside gives it a new time, which is seen; whoever
    does so afterwards writes it anew. Between putting a picture and committing its frame there must
    be less than the age that a picture needs to be removed. Stopped at any step, it leaves
    the picture in one of the two places, to be found by the next one.
    """

    def __init__(self, database: Database, store: ContentStore) -> None:
        self._database = database
        self._store = store

    async def remove(self, hashes: Collection[bytes], *, before_ns: int) -> int:
        """Remove those that no frame has and that were last put before that time; how many.

        Raises `Unavailable`; what it was at then is put back.
        """
        waiting, removed = list(hashes), 0
        while waiting:
            batch, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
            asides = await asyncio.to_thread(self._set_aside, batch)
            removed += await self.end(asides, before_ns=before_ns)
        return removed

    async def end(self, asides: Collection[Path], *, before_ns: int) -> int:
        """Remove what was set aside, or put it back; how many were removed."""
        needed = {content_set_aside(aside) for aside in asides}  # until the ledger says otherwise
        try:
            async with self._database.transaction() as session:
                answer = await inventory.needed_pictures(session, needed)
            needed = answer
        finally:
            removed = await asyncio.to_thread(self._end, asides, needed, before_ns)
        return removed

    def _set_aside(self, hashes: Collection[bytes]) -> list[Path]:
        places = [self._store.set_aside(content_hash) for content_hash in hashes]
        return [place for place in places if place is not None]

    def _end(self, asides: Collection[Path], needed: Collection[bytes], before_ns: int) -> int:
        removed = 0
        for aside in asides:
            if content_set_aside(aside) in needed:
                self._store.put_back(aside)
            else:
                removed += self._store.drop(aside, before_ns=before_ns)
        return removed
