"""What a connection may do before its request has begun: over a real socket."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from ai.detector.connection import BoundedConnection
from backend.local.access import free_port

HELLO = b"GET / HTTP/1.1\r\nHost: a\r\n"


class Impatient(BoundedConnection):
    """Waits less."""

    seconds = 0.2


class Narrow(BoundedConnection):
    """Takes less, and has the time of the shipped one."""

    most_bytes = 2000


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("hello")(scope, receive, send)


@pytest.fixture(params=[Impatient])
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    port = free_port()
    config = uvicorn.Config(
        hello, port=port, http=request.param, ws="none", lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield port
    server.should_exit = True
    await serving


async def answer_to(port: int, *pieces: bytes) -> bytes:
    """All that comes until the service closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    said = await reader.read()
    writer.close()
    return said


async def test_who_says_nothing_or_half_is_not_waited_for(port: int) -> None:
    assert await answer_to(port) == b""
    assert await answer_to(port, HELLO) == b""


@pytest.mark.parametrize("port", [Narrow], indirect=True)
async def test_headers_without_end_are_refused(port: int) -> None:
    said = await answer_to(port, HELLO, b"X: " + b"a" * 3000)
    assert said.startswith(b"HTTP/1.1 431 ")
    many = b"".join(b"X-%d: a\r\n" % number for number in range(400))
    assert (await answer_to(port, HELLO, many)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("port", [Narrow], indirect=True)
@pytest.mark.parametrize(
    "after", [b"0\r\nX: " + b"a" * 100, b"0\r\n" + b"X: a\r\n" * 20, b"1;" + b"a" * 100]
)
async def test_what_follows_the_body_is_bounded_as_well(port: int, after: bytes) -> None:
    """Also after the answer: this application reads no body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HELLO + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
    assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
    writer.write(after)
    for _ in range(40):
        writer.write(b"a" * 100 if after[-1:] == b"a" else b"X: a\r\n" * 15)
    assert await reader.read() == b""
    writer.close()


async def test_a_body_in_chunks_may_be_long(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    chunk = b"3e8\r\n" + bytes(1000) + b"\r\n"
    writer.write(HELLO + b"Transfer-Encoding: chunked\r\n\r\n" + 200 * chunk + b"0\r\n\r\n")
    writer.write(HELLO + b"\r\n")
    for _ in range(2):
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_a_body_is_no_header_and_a_second_request_begins_anew(port: int) -> None:
    """Nor does a quiet time between them count."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(HELLO + b"Content-Length: 5000\r\n\r\n" + bytes(5000))
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
        await asyncio.sleep(1.5 * Impatient.seconds)
    writer.close()
