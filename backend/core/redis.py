"""Redis: the doorbell. Everything here may be lost at any moment."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import NoPermissionError, OutOfMemoryError, RedisError

from backend.core.errors import Invalid, Unavailable

_ANSWERS_WITHIN = 15.0  # seconds; longer than a read that blocks on purpose
_AT_START_WITHIN = 3.0

_KEPT = "kept"  # the set of the names of what is kept for a while


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
        """`{"status": "healthy"}`, or `"unhealthy"` with the reason under `error`, and its `code`.

        Healthy is one that takes what it is told, and forgets none of it by itself.
        """
        try:
            await self._refuse_nothing()
            await self.refuse_forgetting()
        except (Unavailable, Invalid) as error:
            return {"status": "unhealthy", "error": str(error), "code": error.code}
        return {"status": "healthy"}

    async def run_id(self) -> str:
        """Which start of the server answers: another one has another id.

        Raises `Unavailable` also where it answers and takes nothing, since its memory is full.
        """
        await self._refuse_nothing()
        async with asking():
            server: dict[str, Any] = await self.commands.info("server")
        return str(server["run_id"])

    async def refuse_forgetting(self) -> None:
        """Raise `Invalid` where the server throws keys away when its memory is full.

        By INFO, since managed servers forbid CONFIG; one that does not say it is taken at its word.
        """
        try:
            async with asking():
                memory: dict[str, Any] = await self.commands.info("memory")
        except Unavailable as error:
            if isinstance(error.__cause__, NoPermissionError):
                return
            raise
        policy = memory.get("maxmemory_policy", "noeviction")
        if policy != "noeviction":
            raise Invalid(
                "this Redis forgets bells when its memory is full (its maxmemory-policy is "
                f"{policy}): set maxmemory-policy to noeviction there, or REDIS_URL to another",
                code="redis.evicts",
            )

    async def _refuse_nothing(self) -> None:
        """Raise `Unavailable` where the server takes nothing.

        Writing no bytes changes nothing, and is refused all the same where memory is full.
        """
        async with asking():
            await self.commands.setrange(self.key("nothing"), 0, "")

    async def keep(self, name: str, value: str, *, seconds: int) -> None:
        """Store a value that goes away by itself; whoever keeps it for longer says it again."""
        async with asking(), self.commands.pipeline(transaction=True) as both:
            both.set(self.key(name), value, ex=seconds)
            both.sadd(self.key(_KEPT), name)
            await both.execute()

    async def kept(self, beginning: str) -> dict[str, str]:
        """The values whose names begin so (`worker:`), by name.

        Their names are kept too: to look through all keys takes long where others have many.
        """
        async with asking():
            kept = map(str, await self.commands.smembers(self.key(_KEPT)))
            names = [name for name in kept if name.startswith(beginning)]
            values = await self.commands.mget(map(self.key, names)) if names else []
            found = dict(zip(names, values, strict=True))
            # One that is said again in this very moment is found when it is said the next time.
            if gone := [name for name, value in found.items() if value is None]:
                await self.commands.srem(self.key(_KEPT), *gone)
        return {name: str(value) for name, value in found.items() if value is not None}

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


async def refuse_forgetting(url: str) -> None:
    """Raise `Invalid` where the Redis there throws keys away; one that is away may come later."""
    client = RedisClient(url, prefix="hsi:")
    try:
        with contextlib.suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(_AT_START_WITHIN):
                await client.refuse_forgetting()
    finally:
        await client.close()


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
    except OutOfMemoryError as error:
        raise Unavailable(
            "Redis takes nothing: its memory is full (raise its maxmemory)", code="redis.full"
        ) from error
    except TimeoutError as error:
        raise Unavailable("no Redis: it does not answer", code="redis.unavailable") from error
    except (RedisError, OSError) as error:
        raise Unavailable(f"no Redis: {error}", code="redis.unavailable") from error
