"""Are PostgreSQL and Redis such as the product may work with? Looked at for as long as it works."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any

import structlog

from backend.core.clock import Clock
from backend.core.database import Database, Session
from backend.core.errors import Conflict, Invalid, Unavailable
from backend.core.redis import RedisClient
from backend.core.supervisor import end
from backend.services.stores import schema

_LOOK_EVERY_SECONDS = 15.0
_WHILE_AWAY_SECONDS = 2.0

log = structlog.get_logger(__name__)

RefuseSchema = Callable[[Collection[str]], None]
"""Raises `Conflict` for a database at these migrations, where it is newer than we are."""


class Fitness:
    """Both are looked at before the start; but either may be away then, and come later; a database
    may be restored, or brought to a newer schema by another machine; a Redis be configured anew.
    """

    def __init__(
        self, database: Database, redis: RedisClient, clock: Clock, refuse: RefuseSchema
    ) -> None:
        self._database = database
        self._redis = redis
        self._clock = clock
        self._refuse = refuse
        self.newer: Conflict | None = None
        """Why not, while the schema is known to be newer."""

    async def during(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do work once both were looked at, or are away, and end it once they are found unfit.

        Then raises why: `Conflict` for a newer schema, `Invalid` for a Redis that forgets.
        """
        looked = asyncio.Event()
        looking = asyncio.ensure_future(self._look(looked))
        working = asyncio.ensure_future(_once(looked, work))
        try:
            await asyncio.wait([looking, working], return_when=asyncio.FIRST_COMPLETED)
        finally:
            working.cancel()  # once: a second time would cut short its tidying up
            await end([looking])
            await asyncio.wait([working])
        for task in (looking, working):
            if not task.cancelled():
                task.result()

    async def _look(self, looked: asyncio.Event) -> None:
        """One that is away is looked at soon again: it may be another one when it is back."""
        while True:
            looks = (self._redis.refuse_forgetting, self._look_at_schema)
            answers = [await _answers(look) for look in looks]
            looked.set()
            await self._clock.sleep(_LOOK_EVERY_SECONDS if all(answers) else _WHILE_AWAY_SECONDS)

    async def _look_at_schema(self) -> None:
        async with self._database.transaction() as session:
            await schema.hold_still(session)
            await self.check_schema(session)

    async def check_schema(self, session: Session) -> None:
        """Raise `Conflict` where this session's database has a newer schema."""
        stamps = await schema.stamps(session)
        try:
            self._refuse(stamps)
        except Conflict as error:
            self.newer = error
            raise
        self.newer = None

    def refuse_work(self) -> None:
        """Raise `Unavailable` for those who ask while the schema is known to be newer."""
        if self.newer is not None:
            raise Unavailable(str(self.newer), code=self.newer.code)


async def _once(looked: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
    """Whoever is started again with a schema that is known to be newer is not to write first."""
    await looked.wait()
    await work()


async def _answers(look: Callable[[], Awaitable[None]]) -> bool:
    """Whether a server answers, and lets us in: if not, whoever needs it says so.

    Raises only that it is unfit.
    """
    try:
        await look()
    except Unavailable:
        return False
    except Conflict as error:
        if error.code != schema.REFUSED:
            raise
        return False
    except Invalid:
        raise
    except Exception:  # such as of a table that is just being restored: that is no verdict
        log.exception("a server could not be looked at")
        return False
    return True
