"""Closes events that are over."""

from collections.abc import Callable
from datetime import datetime, timedelta

from backend.core.clock import Clock
from backend.core.database import Database
from backend.services.stores import events, outbox
from backend.services.stores.events import OpenEvent
from backend.services.topics import event_message

_JUMP_SECONDS = 1.0
_SOONEST_SECONDS = 0.5
_AHEAD = timedelta(seconds=30)  # by so much may the clock of another machine's worker be ahead


class EventCloser:
    """Closes an event once it has been quiet, by our own clock, for `idle`, and no frame waits; or
    once a later one follows it.

    Camera time is never compared with ours: a camera whose clock is wrong has its events closed
    in time, too. Nor is a time from before our own clock jumped: then an event is quiet from the
    jump on. `told` is called when there is something in the outbox.
    """

    def __init__(
        self, database: Database, clock: Clock, idle: timedelta, told: Callable[[], None]
    ) -> None:
        self._database = database
        self._clock = clock
        self._idle = idle
        self._told = told
        self._steady_since = clock.now()
        self._offset = self._clock_offset(self._steady_since)

    async def run(self) -> None:
        """Close what is over, sleep until something can be, and so on."""
        while True:
            await self._clock.sleep(await self.close_quiet())

    async def close_quiet(self) -> float:
        """Close what is over now; in how many seconds something further can be."""
        async with self._database.transaction() as session:
            found = await events.lock_open(session)
            now = self._look_at_clocks()  # not before: what was attached meanwhile is not ahead
            over = [event.id for event in found if self._is_over(event, now)]
            closed = await events.close(session, over, now=now) if over else []
            told = [event_message("event.closed", event) for event in closed]
            await outbox.put(session, told, now=now)
        if closed:
            self._told()
        return self._seconds_until_next([e for e in found if e.id not in over], now)

    def _look_at_clocks(self) -> datetime:
        now = self._clock.now()
        offset = self._clock_offset(now)
        if abs(offset - self._offset) > _JUMP_SECONDS:
            self._steady_since = now
        self._offset = offset
        return now

    def _clock_offset(self, now: datetime) -> float:
        return now.timestamp() - self._clock.monotonic()

    def _is_over(self, event: OpenEvent, now: datetime) -> bool:
        is_quiet = self._quiet_for(event, now) >= self._idle and not event.may_grow
        return event.is_followed or is_quiet

    def _quiet_for(self, event: OpenEvent, now: datetime) -> timedelta:
        if now < event.attached_at <= now + _AHEAD:
            return timedelta(0)
        is_known = self._steady_since <= event.attached_at <= now
        return now - (event.attached_at if is_known else self._steady_since)

    def _seconds_until_next(self, remaining: list[OpenEvent], now: datetime) -> float:
        """An event that opens meanwhile is over in `idle` at the earliest."""
        quiet = max((self._quiet_for(event, now) for event in remaining), default=timedelta(0))
        return max((self._idle - quiet).total_seconds(), _SOONEST_SECONDS)
