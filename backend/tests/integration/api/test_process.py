"""The real process: `python -m backend.main`, over real sockets."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from backend.core.database import get_database
from backend.core.redis import RedisClient
from backend.services.live.fan_out import MOST_BEHIND
from backend.services.stores import outbox
from backend.services.topics import OUTBOX_CHANNEL, Message
from backend.tests.fixtures.ledger import NOON
from backend.tests.fixtures.product import PROJECT, Product, until

pytestmark = pytest.mark.slow


@pytest.fixture
async def address(product: Product) -> str:
    """Where a process listens that has been started for this test."""
    return await product.start_api()


def listening(address: str, **headers: str) -> connect:
    place = urlsplit(address).netloc
    return connect(f"ws://{place}/ws/events", additional_headers=headers, proxy=None)


async def said(connection: ClientConnection) -> dict[str, object]:
    async with asyncio.timeout(10):
        message: dict[str, object] = json.loads(await connection.recv())
    return message


async def put(number: int, *, size: int = 10) -> None:
    """Messages into the outbox, numbered as by a relay."""
    messages = [Message("event.updated", 1, 1, {"event": {"notes": "x" * size}})] * number
    async with get_database().transaction() as session:
        await outbox.put(session, messages, now=NOON + timedelta(days=4000))
        await outbox.number_new(session)


async def test_what_is_written_elsewhere_reaches_a_listener_without_a_bell(address: str) -> None:
    async with listening(address) as connection:
        await connection.send('{"type": "subscribe"}')
        last = (await said(connection))["last_number"]
        assert isinstance(last, int)
        await put(2)  # nobody rings: the process looks every 5 s
        assert [(await said(connection))["number"] for _ in range(2)] == [last + 1, last + 2]


async def test_a_foreign_page_may_not_listen_and_our_own_may(
    address: str, product: Product
) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        with pytest.raises(InvalidStatus) as refused:
            async with listening(address, Origin=origin):
                pass
        assert refused.value.response.status_code == 403
    assert "handshake" not in product.log.with_name("api.log").read_text()
    async with listening(address, Origin=address) as connection:
        await connection.send('{"type": "ping"}')
        assert await said(connection) == {"type": "pong"}


async def test_a_foreign_host_is_refused(address: str) -> None:
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        answer = await client.get("/api/health", headers={"Host": "evil.example"})
        assert answer.status_code == 400
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(address).port)
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    assert b" 403 " in await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    await writer.wait_closed()


async def test_a_message_that_is_too_long_closes_it(address: str) -> None:
    async with listening(address) as connection:
        await connection.send("x" * 65_537)
        with pytest.raises(ConnectionClosed):
            await connection.recv()
        assert connection.close_code == 1009


async def test_one_who_never_reads_harms_nobody_and_is_told_to_ask_anew(
    address: str, real_redis: RedisClient
) -> None:
    async with listening(address) as good:
        await good.send('{"type": "subscribe"}')
        await said(good)
        stuck = socket.create_connection(("127.0.0.1", urlsplit(address).port), timeout=10)
        async with connect(
            f"ws://{urlsplit(address).netloc}/ws",
            sock=stuck,
            proxy=None,
            max_queue=1,
            compression=None,
        ) as bad:
            await bad.send('{"type": "subscribe"}')
            await said(bad)
            bad.transport.pause_reading()
            # Far more than the buffers of the two sockets hold.
            for _ in range(4):
                await put(MOST_BEHIND // 2, size=20_000)
                await real_redis.publish(OUTBOX_CHANNEL, "")
                numbers = [(await said(good))["number"] for _ in range(MOST_BEHIND // 2)]
                assert len(set(numbers)) == MOST_BEHIND // 2
            bad.transport.resume_reading()
            last = numbers[-1]
            while (message := await said(bad))["type"] != "resync":
                assert message["type"] == "event.updated"
            assert message["last_number"] == last
            await put(1)
            assert (await said(bad))["number"] == (await said(good))["number"]


async def test_it_ends_in_time_with_listeners_and_says_nothing_wrong(product: Product) -> None:
    address = await product.start_api()
    async with listening(address) as connection:
        await connection.send('{"type": "subscribe"}')
        await said(connection)
        assert product.api is not None
        product.api.terminate()

        async def has_ended() -> bool:
            assert product.api is not None
            return product.api.poll() is not None

        await until(has_ended, "the end of the API", seconds=5)
        with pytest.raises(ConnectionClosed):
            await connection.recv()
        assert connection.close_code == 1012
    product.api = None
    assert "Traceback" not in product.log.with_name("api.log").read_text()


async def test_under_load_it_ends_in_time_and_every_answer_is_whole(product: Product) -> None:
    address = await product.start_api()
    answers: list[int] = []

    async def ask(client: httpx.AsyncClient) -> None:
        with contextlib.suppress(httpx.TransportError):  # it is gone
            while True:
                answer = await client.get("/api/system/health")
                assert answer.json()["parts"]
                answers.append(answer.status_code)

    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        asking = [asyncio.create_task(ask(client)) for _ in range(20)]

        async def is_under_load() -> bool:
            return len(answers) > 100

        await until(is_under_load, "a hundred answers")
        asked_at = time.monotonic()
        # uvicorn ends in good order, and then by the signal it was sent.
        assert await asyncio.to_thread(product.stop_api) == -signal.SIGTERM
        assert time.monotonic() - asked_at < 10
        await asyncio.wait_for(asyncio.gather(*asking), 10)
    assert set(answers) == {200}
    assert "Traceback" not in product.log.with_name("api.log").read_text()


@pytest.mark.parametrize(
    "command", [("backend.main",), ("uvicorn", "backend.main:app")], ids=["main", "uvicorn"]
)
def test_without_servers_it_says_in_a_line_what_is_missing(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "HSI_DATA": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == "hsi api: DATABASE_URL is not set: `hsi up` brings servers of its own\n"
