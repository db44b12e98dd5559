"""Servers as processes, and a client that costs little beside them."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from subprocess import Popen
from tempfile import TemporaryFile

from backend.local.access import free_port
from backend.local.process import spawn, stop
from backend.tests.benchmarks.bench.place import Place, module

_CONNECTIONS = 8
_TO_END = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 1.0))


@dataclass(frozen=True, slots=True)
class Served:
    """A server's process, and its port of loopback."""

    pid: int
    port: int


@asynccontextmanager
async def product_api(place: Place) -> AsyncIterator[Served]:
    """The product's API as the process that it is, once it tells its health."""
    port = free_port()
    environment = place.environment(API__PORT=str(port))
    async with serving(module("backend.main"), environment, port, "/api/health") as process:
        yield Served(process.pid, port)


@asynccontextmanager
async def floor_api(place: Place) -> AsyncIterator[Served]:
    """The bare server."""
    port = free_port()
    command = module("backend.tests.benchmarks.bench.floors.api", str(port))
    environment = place.environment(DATABASE_URL=place.plain_url)
    async with serving(command, environment, port, "/ping") as process:
        yield Served(process.pid, port)


@asynccontextmanager
async def serving(
    command: list[str],
    environment: Mapping[str, str],
    port: int,
    path: str,
    *,
    parent_dies: signal.Signals = signal.SIGKILL,
) -> AsyncIterator[Popen[bytes]]:
    """A process, once it answers; ends with the block.

    Raises AssertionError, with its last words, where it does not answer.
    """
    with TemporaryFile() as log:
        process = spawn(command, when_parent_dies=parent_dies, output=log, env=environment)
        try:
            if not await _answers(process, port, path):
                log.seek(0)
                said = log.read().decode(errors="replace")[-2000:]
                raise AssertionError(f"{' '.join(command)} does not answer:\n{said}")
            yield process
        finally:
            await asyncio.to_thread(stop, process, _TO_END)


async def _answers(process: Popen[bytes], port: int, path: str) -> bool:
    """Whether it answers before it ends, and within a minute."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            await get(port, path)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            return True
    return False


async def get(port: int, path: str) -> tuple[int, bytes]:
    """One answer: its status and its body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_request(port, path))
        head = await reader.readuntil(b"\r\n\r\n")
        return _status(head), await reader.readexactly(_length(head))
    finally:
        writer.close()
        await writer.wait_closed()


async def per_second(port: int, path: str, requests: int) -> float:
    """Answers per second over eight connections that are kept open; all of them must be 200."""
    loop = asyncio.get_running_loop()
    left = _Left(requests, loop.create_future())
    request = _request(port, path)
    made = [
        await loop.create_connection(lambda: _Connection(request, left), "127.0.0.1", port)
        for _ in range(_CONNECTIONS)
    ]
    started = time.perf_counter()
    for _, connection in made:
        connection.ask()
    try:
        async with asyncio.timeout(120):
            await left.done
        return requests / (time.perf_counter() - started)
    finally:
        for transport, _ in made:
            transport.close()


class _Left:
    """How many answers are still to be asked for, and to come."""

    def __init__(self, requests: int, done: "asyncio.Future[None]") -> None:
        self.to_ask = self.to_come = requests
        self.done = done


class _Connection(asyncio.Protocol):
    """Asks again and again, one request at a time."""

    def __init__(self, request: bytes, left: _Left) -> None:
        self._request = request
        self._left = left
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self) -> None:
        """Send the next request, if any is left."""
        if self._left.to_ask and self._transport is not None:
            self._left.to_ask -= 1
            self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[: end + 4])
        if len(self._received) < end + 4 + _length(head):
            return
        self._received.clear()
        if _status(head) != 200:
            self._fail(AssertionError(head.decode(errors="replace")))
            return
        self._left.to_come -= 1
        if self._left.to_come == 0:
            self._left.done.set_result(None)
        self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("the server closed the connection"))

    def _fail(self, error: Exception) -> None:
        if not self._left.done.done():
            self._left.done.set_exception(error)


def _request(port: int, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()


def _status(head: bytes) -> int:
    return int(head[9:12])


def _length(head: bytes) -> int:
    begin = head.lower().index(b"content-length:") + 15
    return int(head[begin : head.index(b"\r\n", begin)])
