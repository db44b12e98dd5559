"""A worker's word on how it is, kept in Redis for as long as it is true."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson

from backend.core.clock import Clock
from backend.core.redis import RedisClient
from backend.core.supervisor import Supervisor

_EVERY_SECONDS = 5.0
_KEPT_SECONDS = 20
_NAME = "worker:"


class Heartbeat:
    """Says every 5 s which parts of a worker run, and what `details` adds.

    What was said goes away by itself after 20 s, so that a dead worker is missed.
    """

    def __init__(
        self,
        redis: RedisClient,
        clock: Clock,
        worker: str,
        supervisor: Supervisor,
        details: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._redis = redis
        self._clock = clock
        self._worker = worker
        self._supervisor = supervisor
        self._details = details
        self._since: datetime = clock.now()

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            await self.beat()
            await self._clock.sleep(_EVERY_SECONDS)

    async def beat(self) -> None:
        """Say it once."""
        word = {
            "worker": self._worker,
            "since": self._since,
            "said_at": self._clock.now(),
            "parts": {
                name: {"running": state.running, "since": state.since, "reason": state.reason}
                for name, state in self._supervisor.states.items()
            },
            **self._details(),
        }
        text = orjson.dumps(word).decode()
        await self._redis.keep(f"{_NAME}{self._worker}", text, seconds=_KEPT_SECONDS)


async def heard(redis: RedisClient) -> list[dict[str, Any]]:
    """What the workers have said lately, by name."""
    words = await redis.kept(f"{_NAME}*")
    return [orjson.loads(words[name]) for name in sorted(words)]
