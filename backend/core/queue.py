"""Doorbells: "there is work at NAME", at most one waiting for each name and lane.

A bell carries no work: the work is in the ledger, and whoever hears the bell looks there. So a lost
bell costs time until the next reconciling, and a bell too many costs one look. A bell that says
more than this version understands is heard by its name; one without a name is left out.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from redis.exceptions import ResponseError

from backend.core.errors import Unavailable
from backend.core.redis import RedisClient, asking

_OF_THE_FIRST = 15  # bells in a row, while others wait


@dataclass(frozen=True, slots=True)
class Bell:
    """One bell that was heard; `ticket` is the queue's own name for it."""

    name: str
    lane: str
    ticket: str = ""


class Bells(Protocol):
    """A queue of bells over some lanes, the first lane before the later ones.

    After fifteen of the first in a row one of a later lane is next: however many ring in the first,
    none waits for ever.
    """

    async def ring(self, name: str, lane: str) -> None:
        """Ring, unless that bell is already waiting to be heard."""
        ...

    async def hear(self, patience: float) -> Bell | None:
        """The next bell; None where none rang for `patience` seconds.

        One task hears, and is done with one bell, or has given it up, before it hears the next.
        """
        ...

    async def done(self, bell: Bell) -> None:
        """What the bell was rung for has been looked after."""
        ...

    async def forget_stale(self) -> int:
        """Drop the bells of hearers that have died, so that they can be rung again; how many."""
        ...


class _Turns:
    """In which order the lanes are looked at."""

    def __init__(self, lanes: Sequence[str]) -> None:
        self._lanes = tuple(lanes)
        self._of_the_first = 0

    def order(self) -> Sequence[str]:
        """For the next bell: the first lane first, but for every sixteenth."""
        if self._of_the_first < _OF_THE_FIRST:
            return self._lanes
        self._of_the_first = 0
        return self._lanes[::-1]

    def heard(self, lane: str) -> None:
        """A bell of this lane is looked after."""
        self._of_the_first = self._of_the_first + 1 if lane == self._lanes[0] else 0


class MemoryBells:
    """Bells within one process; never more of them in a lane than names."""

    def __init__(self, lanes: Sequence[str]) -> None:
        self._waiting: dict[str, OrderedDict[str, None]] = {lane: OrderedDict() for lane in lanes}
        self._turns = _Turns(lanes)
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
        for lane in self._turns.order():
            if self._waiting[lane]:
                self._turns.heard(lane)
                return Bell(self._waiting[lane].popitem(last=False)[0], lane)
        return None

    async def done(self, bell: Bell) -> None:
        """Nothing to do: what was heard is no longer waiting."""

    async def forget_stale(self) -> int:
        """Nothing to do: a hearer that died took the bells with it."""
        return 0


# `rung` has the ticket of each bell that waits to be heard. A ticket that is no longer in the
# stream (flushed, or dropped as stale), or is another's since, says nothing: no name can fall
# silent for ever.
_RING = """
local ticket = redis.call('HGET', KEYS[2], ARGV[1])
local rings = ticket and redis.call('XRANGE', KEYS[1], ticket, ticket)[1]
if not rings or rings[2][2] ~= ARGV[1] then
  redis.call('HSET', KEYS[2], ARGV[1], redis.call('XADD', KEYS[1], '*', 'name', ARGV[1]))
end
"""
_HEARD = """
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then
  redis.call('HDEL', KEYS[1], ARGV[1])
end
"""
_GROUP = "workers"
_STALE_MS = 60_000
_GONE_MS = 3_600_000
_LONGEST_PATIENCE = 10.0  # seconds; below the client's own time limit for an answer
# For so long after a lost answer the server may still give bells to the connection that broke: it
# waits there for as long as we were patient.
_IN_DOUBT_SECONDS = _LONGEST_PATIENCE + 1.0
_PATIENCE_IN_DOUBT = 1.0


def _nothing() -> None:
    pass


class StreamBells:
    """Bells for any number of processes, over one Redis stream a lane and one consumer group.

    A stream is never longer than there are names, and bells that hearers are at, since a bell that
    waits is not rung again and one that is done is deleted; so it needs no other bound. A hearer
    holds back at most one bell for each lane but the first. Hearers that were silent for an hour
    are struck off.

    An answer that is lost on its way may have had a bell in it, which Redis then has as heard by
    us. So whoever hears asks first for what is ours and not known to us, until that was answered
    some seconds (of `now`) after the last loss. Whether a ring arrived of which the answer is lost,
    nobody knows: `unsure` is called.
    """

    def __init__(
        self,
        redis: RedisClient,
        lanes: Sequence[str],
        *,
        hearer: str,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._lanes = tuple(lanes)
        self._turns = _Turns(lanes)
        self._hearer = hearer
        self.unsure: Callable[[], None] = _nothing
        self._held: list[Bell] = []
        self._now = now
        self._doubt_ends = self._asked_at = now()
        self._is_new = True

    def _stream(self, lane: str) -> str:
        return self._redis.key(f"bells:{lane}")

    def _rung(self, lane: str) -> str:
        return self._redis.key(f"rung:{lane}")

    async def ring(self, name: str, lane: str) -> None:
        """Ring, unless that bell is already waiting to be heard."""
        try:
            async with asking():
                await self._redis.commands.eval(
                    _RING, 2, self._stream(lane), self._rung(lane), name
                )
        except Unavailable:
            self.unsure()
            raise

    async def hear(self, patience: float) -> Bell | None:
        """The next bell; None where none rang for `patience` seconds (at most 10)."""
        with self._doubting():
            bell = await self._next(min(patience, _LONGEST_PATIENCE))
            if bell is None:
                return None
            self._turns.heard(bell.lane)
            async with asking():
                await self._redis.commands.eval(
                    _HEARD, 1, self._rung(bell.lane), bell.name, bell.ticket
                )
        return bell

    @contextmanager
    def _doubting(self) -> Iterator[None]:
        """Around what may give us bells, of which we do not know where the answer is lost."""
        try:
            yield
        except Unavailable:
            self._doubt_ends = self._now() + _IN_DOUBT_SECONDS
            raise

    async def _next(self, patience: float) -> Bell | None:
        """Lane by lane what rings already; then whatever rings first."""
        if self._asked_at < self._doubt_ends:
            asked_at = self._now()
            self._held += await self._lost()
            self._asked_at = asked_at
            patience = min(patience, _PATIENCE_IN_DOUBT)
        for lane in self._turns.order():
            bell = self._take_held(lane) or await self._take([lane], None)
            if bell is not None:
                return bell
        return await self._take(self._lanes, patience)

    def _take_held(self, lane: str) -> Bell | None:
        bell = next((held for held in self._held if held.lane == lane), None)
        if bell is not None:
            self._held.remove(bell)
        return bell

    async def _take(self, lanes: Sequence[str], patience: float | None) -> Bell | None:
        """Read at most one bell a lane; those of later lanes are held back for the next time."""
        found = dict(await self._read(lanes, patience))
        bells = [
            Bell(fields.get("name", ""), lane, ticket)
            for lane in lanes
            for ticket, fields in found.get(self._stream(lane), [])
        ]
        self._held.extend(bells[1:])
        return bells[0] if bells else None

    async def _read(self, lanes: Sequence[str], patience: float | None) -> list[Any]:
        streams: dict[Any, Any] = {self._stream(lane): ">" for lane in lanes}
        block = None if patience is None else max(1, int(patience * 1000))
        while True:
            try:
                async with asking():
                    answer = await self._redis.commands.xreadgroup(
                        _GROUP, self._hearer, streams, count=1, block=block
                    )
                return list(answer or [])
            except Unavailable as error:
                if not _says(error, "NOGROUP", "UNBLOCKED"):
                    raise
            # The streams have never been there, or were flushed away.
            await self._make_groups()

    async def _make_groups(self) -> None:
        for lane in self._lanes:
            try:
                async with asking():
                    await self._redis.commands.xgroup_create(
                        self._stream(lane), _GROUP, id="0", mkstream=True
                    )
            except Unavailable as error:
                if not _says(error, "BUSYGROUP"):
                    raise

    async def done(self, bell: Bell) -> None:
        """What the bell was rung for has been looked after."""
        # In this order: what was acknowledged and is still there nobody would ever hear, and its
        # name could not be rung again.
        with self._doubting():
            async with asking(), self._redis.commands.pipeline(transaction=False) as pipe:
                pipe.xdel(self._stream(bell.lane), bell.ticket)
                pipe.xack(self._stream(bell.lane), _GROUP, bell.ticket)
                await pipe.execute()

    async def forget_stale(self) -> int:
        """Drop the bells of hearers that have died, so that they can be rung again; how many.

        A new hearer's own are those of a former process of its name, which is surely dead; others'
        are stale after a minute.
        """
        await self._make_groups()
        forgotten = await self._forget_former() if self._is_new else 0
        self._is_new = False
        for lane in self._lanes:
            for bell in await self._take_over(lane):
                await self.done(bell)
                forgotten += 1
            await self._strike_off(lane)
        return forgotten

    async def _take_over(self, lane: str) -> list[Bell]:
        """Bells that others have heard, and have not been done with for a minute."""
        with self._doubting():
            async with asking():
                claimed: Any = await self._redis.commands.xautoclaim(
                    self._stream(lane), _GROUP, self._hearer, min_idle_time=_STALE_MS, count=100
                )
        return [Bell(fields.get("name", ""), lane, ticket) for ticket, fields in claimed[1]]

    async def _strike_off(self, lane: str) -> None:
        """Remove hearers that have long been gone: each process without a name was a new one."""
        stream = self._stream(lane)
        async with asking():
            hearers: Any = await self._redis.commands.xinfo_consumers(stream, _GROUP)
        for hearer in hearers:
            if not hearer["pending"] and hearer["idle"] > _GONE_MS:
                async with asking():
                    await self._redis.commands.xgroup_delconsumer(stream, _GROUP, hearer["name"])

    async def _forget_former(self) -> int:
        bells = await self._ours()
        for bell in bells:
            await self.done(bell)
        return len(bells)

    async def _lost(self) -> list[Bell]:
        """Bells that Redis has as heard by us, and that never came.

        Or that we gave up: who hears again is at none.
        """
        return [bell for bell in await self._ours() if bell not in self._held]

    async def _ours(self) -> list[Bell]:
        """The bells that Redis has as heard by us, and not done with."""
        streams: dict[Any, Any] = {self._stream(lane): "0" for lane in self._lanes}
        try:
            async with asking():
                answer: Any = await self._redis.commands.xreadgroup(_GROUP, self._hearer, streams)
        except Unavailable as error:
            if not _says(error, "NOGROUP"):
                raise
            return []  # the streams were flushed away, and all that rang with them
        pending = dict(answer or [])
        return [
            Bell(fields.get("name", ""), lane, ticket)
            for lane in self._lanes
            for ticket, fields in pending.get(self._stream(lane), [])
            if fields  # else it was deleted, and is struck off by and by
        ]


def _says(error: Unavailable, *words: str) -> bool:
    """Whether Redis answered with an error that has one of these words."""
    cause = error.__cause__
    return isinstance(cause, ResponseError) and any(word in str(cause) for word in words)
