"""Rings again for work that the ledger holds and nobody seems to know of."""

import asyncio

from backend.core.clock import Clock, wait_for
from backend.core.database import Database
from backend.core.queue import Bells
from backend.services.stores import frames

_EVERY_SECONDS = 60.0


class Reconciler:
    """At the start, every minute and when hastened, from the ledger alone.

    There are never more bells in a lane than cameras.
    """

    def __init__(self, database: Database, bells: Bells, clock: Clock) -> None:
        self._database = database
        self._bells = bells
        self._clock = clock
        self._hastened = asyncio.Event()

    def hasten(self) -> None:
        """Do not wait for the minute to pass: bells may just have been lost."""
        self._hastened.set()

    async def run(self) -> None:
        """Reconcile for ever."""
        while True:
            self._hastened.clear()
            await self.reconcile()
            await wait_for(self._hastened, self._clock, _EVERY_SECONDS)

    async def reconcile(self) -> int:
        """Ring for every camera with waiting frames; how many cameras."""
        await self._bells.forget_stale()
        async with self._database.transaction() as session:
            found = {
                camera_id: await frames.lanes_waiting(session, camera_id, now=self._clock.now())
                for camera_id in await frames.cameras_with_work(session)
            }
        for camera_id, lanes in found.items():
            for lane in lanes:
                await self._bells.ring(str(camera_id), lane)
        return len(found)
