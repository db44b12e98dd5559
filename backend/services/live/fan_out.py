"""Gives what the world is told to everybody who listens in this process.

The outbox's table is what is read; the bell over Redis only says that there is something. So a bell
that was lost costs seconds, and no message.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import orjson

from backend.core.database import Database
from backend.core.redis import RedisClient
from backend.services.stores import outbox
from backend.services.topics import OUTBOX_CHANNEL

LOOK_EVERY_SECONDS = 5.0
BUFFER = 256
"""So many messages may wait for a reader."""
MOST_BEHIND = 1000
"""A reader whose buffer overflowed, and who is further behind than this, is not told the rest."""

PAGE = 200
"""So many are read at once."""
_LISTEN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Told:
    """A message, written once for all who get it."""

    number: int
    text: str


def resync_text(last_number: int) -> str:
    """The message to a reader who has missed some: ask anew; it goes on after `last_number`."""
    return orjson.dumps({"type": "resync", "last_number": last_number}).decode()


class FanOut:
    """Reads new messages once, and gives them to all readers.

    Two parts are to be kept running: `run` delivers, `listen` hears the bell.
    """

    def __init__(
        self, database: Database, redis: RedisClient, *, look_every: float = LOOK_EVERY_SECONDS
    ) -> None:
        self._database = database
        self._redis = redis
        self.look_every = look_every
        self._readers: set[Reader] = set()
        self._position = 0
        self._bell = asyncio.Event()

    @property
    def readers(self) -> int:
        """How many share what is read."""
        return len(self._readers)

    async def reader(self, since: int | None) -> "Reader":
        """A place in the stream: after the message `since`, or at the end.

        Where the messages after `since` are no longer kept, or were never written, the reader is
        told to `resync` first, and begins at the end.
        """
        oldest, last = await self.kept()
        missed = since is not None and not oldest <= since <= last
        begin = last if since is None or missed else since
        return Reader(self, begin, last_number=last, missed=missed)

    async def run(self) -> None:
        """Deliver when the bell rings, and every few seconds while somebody listens."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.look_every):
                    await self._bell.wait()
            self._bell.clear()
            await self.deliver()

    async def listen(self) -> None:
        """Hear the bell."""
        async with self._redis.listening(OUTBOX_CHANNEL) as subscription:
            self._bell.set()  # for what was missed before
            while True:
                if await subscription.get_message(timeout=_LISTEN_SECONDS) is not None:
                    self._bell.set()

    async def deliver(self) -> None:
        """Give all that is new to all readers."""
        while self._readers:
            begin = self._position
            news = await self.read(begin)
            if begin != self._position:
                continue  # somebody came meanwhile who is further back
            for reader in list(self._readers):
                reader.offer(news)
            if news:
                self._position = news[-1].number
            if len(news) < PAGE:
                return

    async def read(self, number: int) -> list[Told]:
        """The first messages after a number."""
        async with self._database.transaction() as session:
            rows = await outbox.after(session, number, limit=PAGE)
        return [Told(row["number"], orjson.dumps(outbox.as_live(row)).decode()) for row in rows]

    async def kept(self) -> tuple[int, int]:
        """The number after which every message is still kept, and that of the newest one."""
        async with self._database.transaction() as session:
            last = await outbox.last_number(session)
            first = await outbox.first_number(session)
        return (last if first is None else first - 1), last

    def join(self, reader: "Reader") -> None:
        """Give a reader what comes after the last message it has."""
        behind = not self._readers or reader.number < self._position
        self._position = reader.number if behind else self._position
        self._readers.add(reader)
        self._bell.set()

    def leave(self, reader: "Reader") -> None:
        """Give a reader no more."""
        self._readers.discard(reader)


class Reader:
    """One reader's place in the stream; a context, left in the end.

    It catches up from the table, then shares what the others get. One who does not keep up loses
    the buffer and catches up again; too far behind, or where what follows is not kept any more, he
    is told to `resync` instead.
    """

    def __init__(
        self, fan_out: FanOut, number: int, *, last_number: int, missed: bool = False
    ) -> None:
        self.number = number
        self.last_number = last_number
        """The newest message there was at the beginning."""
        self._fan_out = fan_out
        self._missed = missed
        self._joined = False
        self._overflowed = False
        self._waiting: deque[Told] = deque()
        self._news = asyncio.Event()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._fan_out.leave(self)

    def offer(self, news: Sequence[Told]) -> None:
        """Take messages into the buffer; those that the reader has are left out."""
        newest = self._waiting[-1].number if self._waiting else self.number
        fresh = [told for told in news if told.number > newest]
        if len(self._waiting) + len(fresh) > BUFFER or _lacks_some(newest, fresh):
            self._waiting.clear()
            self._overflowed, self._joined = True, False
            self._fan_out.leave(self)
        else:
            self._waiting.extend(fresh)
        if fresh:
            self._news.set()

    async def next(self) -> list[str]:
        """The next messages, at least one: waits for it."""
        while True:
            if self._missed:
                self._missed = False
                return [resync_text(self.number)]
            texts = self._take() if self._joined else await self._catch_up()
            if texts:
                return texts
            if self._joined and not self._waiting:
                await self._news.wait()

    def _take(self) -> list[str]:
        self._news.clear()
        taken = list(self._waiting)
        self._waiting.clear()
        return self._taken(taken)

    async def _catch_up(self) -> list[str]:
        if self._overflowed:
            self._overflowed = False
            _, last = await self._fan_out.kept()
            if last - self.number > MOST_BEHIND:
                self.number = last
                self._missed = True
                return []
        page = await self._fan_out.read(self.number)
        if _lacks_some(self.number, page):
            _, self.number = await self._fan_out.kept()
            self._missed = True
            return []
        texts = self._taken(page)
        if len(page) < PAGE:
            self._news.clear()
            self._joined = True
            self._fan_out.join(self)
        return texts

    def _taken(self, taken: Sequence[Told]) -> list[str]:
        if taken:
            self.number = taken[-1].number
        return [told.text for told in taken]


def _lacks_some(number: int, following: Sequence[Told]) -> bool:
    """Whether what follows a number does not begin with the next one: numbers have no gaps."""
    return bool(following) and following[0].number != number + 1
