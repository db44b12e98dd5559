"""Closes events that are over."""

from collections.abc import Callable
from datetime import timedelta

from backend.core.clock import Clock
from backend.core.database import Database
from backend.services.stores import events, outbox
from backend.services.topics import event_message


class EventCloser:
    """Closes an event once it has been quiet, by our own clock, for `idle`.

    Camera time is never compared with ours: a camera whose clock is wrong has its events closed
    in time, too. `told` is called when there is something in the outbox.
    """

    def __init__(
        self, database: Database, clock: Clock, idle: timedelta, told: Callable[[], None]
    ) -> None:
        self._database = database
        self._clock = clock
        self._idle = idle
        self._told = told

    async def run(self) -> None:
        """Close what is over, sleep until something can be, and so on."""
        while True:
            await self.close_quiet()
            await self._clock.sleep(await self._seconds_until_next())

    async def close_quiet(self) -> int:
        """Close what is over now; how many events."""
        now = self._clock.now()
        async with self._database.transaction() as session:
            closed = await events.close_quiet(session, quiet_since=now - self._idle, now=now)
            told = [event_message("event.closed", event) for event in closed]
            await outbox.put(session, told, now=now)
        if closed:
            self._told()
        return len(closed)

    async def _seconds_until_next(self) -> float:
        """An event that opens meanwhile is over in `idle` at the earliest."""
        async with self._database.transaction() as session:
            oldest = await events.oldest_open_attached_at(session)
        if oldest is None:
            return self._idle.total_seconds()
        wait = (oldest + self._idle - self._clock.now()).total_seconds()
        return min(max(wait, 0.2), self._idle.total_seconds())
