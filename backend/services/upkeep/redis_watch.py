"""Notices every break of Redis, also one that is over before somebody asks how it is."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from backend.core.clock import Clock
from backend.core.errors import Unavailable
from backend.core.redis import RedisClient

_EVERY_SECONDS = 1.0
_ANSWERS_WITHIN = 3.0


def _nothing() -> None:
    pass


class RedisWatch:
    """Asks every second which start of the server answers: another one than before was away.

    `back` is called when Redis is there again. What was said to it meanwhile is lost.
    """

    def __init__(
        self, redis: RedisClient, clock: Clock, back: Callable[[], None] = _nothing
    ) -> None:
        self._redis = redis
        self._clock = clock
        self._back = back
        self._run_id: str | None = None
        self.answers: bool | None = None
        """Whether it answers; None before the first look."""
        self.changed_at: datetime | None = None
        """When that was last seen to change; None while it is as it was at the first look."""

    async def run(self) -> None:
        """Look every second."""
        while True:
            await self.look()
            await self._clock.sleep(_EVERY_SECONDS)

    async def look(self) -> None:
        """Ask once; no answer within 3 s is none."""
        run_id = await self._asked()
        if self.answers is not None and run_id == self._run_id:
            return
        is_back = self.answers is not None and run_id is not None
        self.changed_at = self._clock.now() if self.answers is not None else None
        self._run_id, self.answers = run_id, run_id is not None
        if is_back:
            self._back()

    async def _asked(self) -> str | None:
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN):
                return await self._redis.run_id()
        except (Unavailable, TimeoutError):
            return None
