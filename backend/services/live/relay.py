"""Numbers what is in the outbox, and says that there is something new."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog

from backend.core.clock import Clock, wait_for
from backend.core.database import Database
from backend.core.errors import Unavailable
from backend.core.redis import RedisClient
from backend.services.stores import events, outbox
from backend.services.topics import OUTBOX_CHANNEL

_KEPT = timedelta(hours=24)
_LOOK_EVERY_SECONDS = 30.0
_TIDY_EVERY_SECONDS = 3600.0
_TIDY_FIRST_AFTER_SECONDS = 60.0
"""After a long outage, who comes back as soon as it is over still finds what was old by then."""

log = structlog.get_logger(__name__)


class OutboxRelay:
    """Sends what was committed. What another process wrote, or a crash left, it finds by looking.

    Readers read the table; the message over Redis only says up to which number, so a lost one
    costs them time, and nothing else.
    """

    def __init__(self, database: Database, redis: RedisClient, clock: Clock) -> None:
        self._database = database
        self._redis = redis
        self._clock = clock
        self._told = asyncio.Event()
        self._unannounced: int | None = None

    def told(self) -> None:
        """Something was committed to the outbox."""
        self._told.set()

    async def run(self) -> None:
        """Relay whenever told to, and every 30 s anyway."""
        await self._note_told_late()
        tidy_at = self._clock.monotonic() + _TIDY_FIRST_AFTER_SECONDS
        while True:
            self._told.clear()
            await self.relay()
            if self._clock.monotonic() >= tidy_at:
                await self._note_told_late()
                await self._forget_old()
                tidy_at = self._clock.monotonic() + _TIDY_EVERY_SECONDS
            await wait_for(self._told, self._clock, _LOOK_EVERY_SECONDS)

    async def relay(self) -> int | None:
        """Number and announce what is new; the last number, or None where nothing was.

        Without Redis the numbers are given all the same, and announced the next time.
        """
        busy: list[int] = []
        async with self._database.transaction() as session:
            numbers = await outbox.number_new(session)
            now = self._clock.now()
            if numbers is not None:
                busy = await outbox.note_told(session, numbers, now=now)
        last = numbers[-1] if numbers is not None else None
        self._unannounced = last or self._unannounced
        if self._unannounced is not None:
            await self._announce(self._unannounced)
        await self._note_told(busy, now)
        return last

    async def _note_told(self, event_ids: Iterable[int], now: datetime) -> None:
        for event_id in event_ids:
            async with self._database.transaction() as session:
                await events.was_told(session, event_id, now=now)

    async def _note_told_late(self) -> None:
        """Events at which somebody was when they were told of, and a relay ended before the note.

        Nobody knows any more when that was; a relay that begins again comes a moment later.
        """
        async with self._database.transaction() as session:
            unnoted = await outbox.told_and_not_noted(session)
        await self._note_told(unnoted, self._clock.now())

    async def _announce(self, number: int) -> None:
        try:
            await self._redis.publish(OUTBOX_CHANNEL, str(number))
        except Unavailable as error:
            log.warning("new messages not announced", number=number, reason=str(error))
        else:
            self._unannounced = None

    async def _forget_old(self) -> None:
        async with self._database.transaction() as session:
            await outbox.forget(session, before=self._clock.now() - _KEPT)
