"""Doorbells: "there is work at NAME", at most one waiting for each name and lane.

A bell carries no work: the work is in the ledger, and whoever hears the bell looks there. So a lost
bell costs time until the next reconciling, and a bell too many costs one look.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from redis.exceptions import ResponseError

from backend.core.redis import RedisClient, translated


@dataclass(frozen=True, slots=True)
class Bell:
    """One bell that was heard; `ticket` is the queue's own mark."""

    name: str
    lane: str
    ticket: str = ""


class Bells(Protocol):
    """A queue of bells over some lanes, the first lane before the later ones."""

    async def ring(self, name: str, lane: str) -> None:
        """Ring, unless that bell is already waiting to be heard."""
        ...

    async def hear(self, patience: float) -> Bell | None:
        """The next bell; None where none rang for `patience` seconds."""
        ...

    async def done(self, bell: Bell) -> None:
        """What the bell was rung for has been looked after."""
        ...

    async def forget_stale(self) -> int:
        """Drop the bells of hearers that have died, so that they can be rung again; how many."""
        ...


class MemoryBells:
    """Bells within one process."""

    def __init__(self, lanes: Sequence[str]) -> None:
        self._waiting: dict[str, OrderedDict[str, None]] = {lane: OrderedDict() for lane in lanes}
        self._rung = asyncio.Event()

    async def ring(self, name: str, lane: str) -> None:
        """Ring, unless that bell is already waiting to be heard."""
        self._waiting[lane].setdefault(name)
        self._rung.set()

    async def hear(self, patience: float) -> Bell | None:
        """The next bell; None where none rang for `patience` seconds."""
        try:
            async with asyncio.timeout(patience):
                while (bell := self._next()) is None:
                    self._rung.clear()
                    await self._rung.wait()
        except TimeoutError:
            return None
        return bell

    def _next(self) -> Bell | None:
        for lane, names in self._waiting.items():
            if names:
                return Bell(names.popitem(last=False)[0], lane)
        return None

    async def done(self, bell: Bell) -> None:
        """Nothing to do: what was heard is no longer waiting."""

    async def forget_stale(self) -> int:
        """Nothing to do: a hearer that died took the bells with it."""
        return 0


# A bell is in the set `rung` from its ringing until somebody hears it. Should the stream have been
# lost without the set, the empty stream gives it away.
_RING = """
if redis.call('SADD', KEYS[2], ARGV[1]) == 1 or redis.call('XLEN', KEYS[1]) == 0 then
  redis.call('XADD', KEYS[1], '*', 'name', ARGV[1])
end
"""
_GROUP = "workers"
_STALE_MS = 60_000


class StreamBells:
    """Bells for any number of processes, over one Redis stream a lane and one consumer group."""

    def __init__(self, redis: RedisClient, lanes: Sequence[str], *, hearer: str) -> None:
        self._redis = redis
        self._lanes = tuple(lanes)
        self._hearer = hearer
        self._held: list[Bell] = []

    def _stream(self, lane: str) -> str:
        return self._redis.key(f"bells:{lane}")

    def _rung(self, lane: str) -> str:
        return self._redis.key(f"rung:{lane}")

    async def ring(self, name: str, lane: str) -> None:
        """Ring, unless that bell is already waiting to be heard."""
        with translated():
            await self._redis.commands.eval(_RING, 2, self._stream(lane), self._rung(lane), name)

    async def hear(self, patience: float) -> Bell | None:
        """The next bell; None where none rang for `patience` seconds (at most 10)."""
        bell = await self._take(self._lanes[:1], None)
        if bell is None and self._held:
            bell = self._held.pop(0)
        if bell is None:
            bell = await self._take(self._lanes, min(patience, 10.0))
        if bell is not None:
            with translated():
                await self._redis.commands.srem(self._rung(bell.lane), bell.name)
        return bell

    async def _take(self, lanes: Sequence[str], patience: float | None) -> Bell | None:
        """Read at most one bell a lane; those of later lanes are held back for the next time."""
        streams: dict[Any, Any] = {self._stream(lane): ">" for lane in lanes}
        block = None if patience is None else max(1, int(patience * 1000))
        answer: Any
        try:
            with translated():
                answer = await self._redis.commands.xreadgroup(
                    _GROUP, self._hearer, streams, count=1, block=block
                )
        except Exception as error:
            if not _no_group(error):
                raise
            await self._make_groups()
            return None
        found = dict(answer or [])
        bells = [
            Bell(fields["name"], lane, ticket)
            for lane in lanes
            for ticket, fields in found.get(self._stream(lane), [])
        ]
        self._held.extend(bells[1:])
        return bells[0] if bells else None

    async def _make_groups(self) -> None:
        for lane in self._lanes:
            try:
                with translated():
                    await self._redis.commands.xgroup_create(
                        self._stream(lane), _GROUP, id="0", mkstream=True
                    )
            except Exception as error:
                if "BUSYGROUP" not in str(error):
                    raise

    async def done(self, bell: Bell) -> None:
        """What the bell was rung for has been looked after."""
        with translated():
            async with self._redis.commands.pipeline(transaction=False) as pipe:
                pipe.xack(self._stream(bell.lane), _GROUP, bell.ticket)
                pipe.xdel(self._stream(bell.lane), bell.ticket)
                await pipe.execute()

    async def forget_stale(self) -> int:
        """Drop the bells of hearers that have died, so that they can be rung again; how many."""
        await self._make_groups()
        forgotten = 0
        for lane in self._lanes:
            with translated():
                claimed: Any = await self._redis.commands.xautoclaim(
                    self._stream(lane), _GROUP, self._hearer, min_idle_time=_STALE_MS, count=100
                )
            for ticket, fields in claimed[1]:
                with translated():
                    await self._redis.commands.srem(self._rung(lane), fields["name"])
                await self.done(Bell(fields["name"], lane, ticket))
                forgotten += 1
        return forgotten


def _no_group(error: BaseException) -> bool:
    """Whether the stream has never been there, or was flushed away."""
    cause = error.__cause__
    return isinstance(cause, ResponseError) and "NOGROUP" in str(cause)
