"""Redis: the doorbell. Everything here may be lost at any moment."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from backend.core.errors import Unavailable

_ANSWERS_WITHIN = 15.0  # seconds; longer than a read that blocks on purpose


class RedisClient:
    """The only Redis class. Every key and channel begins with the configured prefix."""

    def __init__(self, url: str, *, prefix: str) -> None:
        self._prefix = prefix
        self.commands: Redis = Redis.from_url(
            url,
            decode_responses=True,
            protocol=2,
            socket_connect_timeout=3,
            # Its own time limit of a write loses a cancellation that comes in the same turn of the
            # loop (`asyncio.wait_for` before Python 3.12). `asking` has one that does not.
            socket_timeout=None,
            health_check_interval=30,
        )

    def key(self, name: str) -> str:
        """The full name of a key or channel."""
        return f"{self._prefix}{name}"

    async def health_check(self) -> dict[str, Any]:
        """`{"status": "healthy"}`, or `"unhealthy"` with the reason under `error`."""
        try:
            async with asking():
                await self.commands.ping()
        except Unavailable as error:
            return {"status": "unhealthy", "error": str(error)}
        return {"status": "healthy"}

    async def run_id(self) -> str:
        """Which start of the server answers: another one has another id."""
        async with asking():
            server: dict[str, Any] = await self.commands.info("server")
        return str(server["run_id"])

    async def keep(self, name: str, value: str, *, seconds: int) -> None:
        """Store a value that goes away by itself."""
        async with asking():
            await self.commands.set(self.key(name), value, ex=seconds)

    async def kept(self, pattern: str) -> dict[str, str]:
        """The values whose names match a pattern (`worker:*`), by name without the prefix."""
        async with asking():
            names = [name async for name in self.commands.scan_iter(match=self.key(pattern))]
            values = await self.commands.mget(names) if names else []
        found = zip(names, values, strict=True)
        return {str(n)[len(self._prefix) :]: str(value) for n, value in found if value is not None}

    async def publish(self, channel: str, message: str) -> None:
        """Tell whoever listens on a channel now."""
        async with asking():
            await self.commands.publish(self.key(channel), message)

    @asynccontextmanager
    async def listening(self, channel: str) -> AsyncIterator[PubSub]:
        """A subscription to a channel."""
        async with self.commands.pubsub(ignore_subscribe_messages=True) as subscription:
            async with asking():
                await subscription.subscribe(self.key(channel))
            with _translated():
                yield subscription

    async def close(self) -> None:
        """Close all connections."""
        await self.commands.aclose()


@asynccontextmanager
async def asking() -> AsyncIterator[None]:
    """Around questions to Redis: answered within 15 s, and its errors are ours."""
    with _translated():
        async with asyncio.timeout(_ANSWERS_WITHIN):
            yield


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise Unavailable("no Redis: it does not answer", code="redis.unavailable") from error
    except (RedisError, OSError) as error:
        raise Unavailable(f"no Redis: {error}", code="redis.unavailable") from error
