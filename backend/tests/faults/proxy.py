"""A TCP proxy between two parts of the product, which can be made as bad as a network is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

_PIECE = 65_536


class Proxy:
    """Passes bytes on, until it is told otherwise; what it is told holds from then on.

    `delay`: seconds that each piece waits, either way. `is_silent`: what comes is read and kept to
    itself: an answer that never comes. `answer_bytes`: of the answers only so many bytes still go
    through, then the connection is cut. `before_commit` and `after_commit` are called when a client
    says COMMIT, around its being passed on. `harm` counts what it has broken, cut, held or delayed,
    so that a test can tell that it did.
    """

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.delay = 0.0
        self.is_silent = False
        self.answer_bytes: int | None = None
        self.before_commit: Callable[[], Awaitable[None]] | None = None
        self.after_commit: Callable[[], Awaitable[None]] | None = None
        self.harm = 0
        self._passable = asyncio.Event()
        self._passable.set()

    async def listen(self) -> None:
        """Take connections, always on the same port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Break all connections and take no more, as when what is behind has been stopped."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.reset()

    def reset(self) -> None:
        """Break the connections that there are, without a farewell."""
        self.harm += len(self._open)
        for writer in self._open:
            writer.transport.abort()

    def hold(self) -> None:
        """Be a black hole: what is said comes late, once `let_go` is called; nobody is told."""
        self._passable.clear()

    def let_go(self) -> None:
        """Pass on what was held, and what comes."""
        self._passable.set()

    async def close(self) -> None:
        """End everything."""
        self.let_go()
        await self.refuse()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._connect(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            their_reader, their_writer = await asyncio.open_connection(*self._to)
        except OSError:
            writer.transport.abort()
            self._open.discard(writer)
            return
        self._open.add(their_writer)
        ways = [
            asyncio.create_task(self._pass(reader, their_writer, answers=False)),
            asyncio.create_task(self._pass(their_reader, writer, answers=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)
            for one in (writer, their_writer):
                one.transport.abort()
                self._open.discard(one)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                if self.delay:
                    self.harm += 1
                    await asyncio.sleep(self.delay)
                if not self._passable.is_set():
                    self.harm += 1
                    await self._passable.wait()
                if self.is_silent:
                    self.harm += 1
                    continue
                if answers and self.answer_bytes is not None:
                    piece = piece[: self.answer_bytes]
                    self.answer_bytes -= len(piece)
                commits = not answers and b"COMMIT" in piece
                if commits and self.before_commit is not None:
                    await self.before_commit()
                writer.write(piece)
                await writer.drain()
                if commits and self.after_commit is not None:
                    await self.after_commit()
                if answers and self.answer_bytes == 0:
                    self.harm += 1
                    return


@asynccontextmanager
async def proxy_to(host: str, port: int) -> AsyncIterator[Proxy]:
    """A proxy that listens and passes everything on."""
    proxy = Proxy(host, port)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()
