"""What is said over a WebSocket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from starlette.types import Message
from starlette.websockets import WebSocket

from backend.api import conversation
from backend.api.conversation import MAX_MESSAGE_BYTES, Conversation
from backend.core.errors import Unavailable
from backend.services.live.fan_out import Told
from backend.tests.fixtures.scripted_fan_out import ScriptedFanOut


class Line:
    """A connection: what the client says goes in, what it is told comes out."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[Message] = asyncio.Queue()
        self.told: asyncio.Queue[Message] = asyncio.Queue()
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, message: Message) -> None:
        """The server sends; it waits while the line is not open."""
        await self.open.wait()
        self.told.put_nowait(message)

    def say(self, message: dict[str, Any] | str | bytes) -> None:
        """The client sends."""
        if isinstance(message, dict):
            message = orjson.dumps(message).decode()
        kind = "text" if isinstance(message, str) else "bytes"
        self.heard.put_nowait({"type": "websocket.receive", kind: message})

    async def next(self) -> Any:
        """The next message of the server."""
        message = await asyncio.wait_for(self.told.get(), 1)
        if message["type"] == "websocket.close":
            return message["code"]
        return orjson.loads(message["text"])


@asynccontextmanager
async def talking(stream: ScriptedFanOut, *, since: str | None = None) -> AsyncIterator[Line]:
    line = Line()
    line.heard.put_nowait({"type": "websocket.connect"})
    socket = WebSocket({"type": "websocket"}, line.heard.get, line.send)
    await socket.accept()
    assert (await line.told.get())["type"] == "websocket.accept"
    talk = asyncio.create_task(Conversation(socket, stream, since).run())
    try:
        yield line
        line.heard.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(talk, 1)
    finally:
        talk.cancel()
    assert stream.readers == 0


async def test_a_subscriber_is_told_what_comes() -> None:
    stream = ScriptedFanOut(last=4)
    async with talking(stream) as line:
        line.say({"type": "subscribe"})
        assert await line.next() == {"type": "subscribed", "last_number": 4}
        line.say({"type": "ping"})
        assert await line.next() == {"type": "pong"}
        stream.last = 6
        await stream.deliver()
        assert [await line.next(), await line.next()] == [5, 6]


@pytest.mark.parametrize(
    ("in_address", "said"), [(None, 2), ("2", None), ("0", 2), ("2", "unset"), (None, "2")]
)
async def test_one_who_was_away_says_since_when(in_address: str | None, said: object) -> None:
    message: dict[str, Any] = {"type": "subscribe"}
    if said is not None and said != "unset":
        message["since"] = said
    async with talking(ScriptedFanOut(last=4), since=in_address) as line:
        line.say(message)
        assert await line.next() == {"type": "subscribed", "last_number": 4}
        assert [await line.next(), await line.next()] == [3, 4]


@pytest.mark.parametrize("since", [-1, 1.5, True, "x", "", [1], 2**63, "9" * 30, "-1", "²"])
async def test_since_must_be_a_number(since: object) -> None:
    async with talking(ScriptedFanOut(last=4)) as line:
        line.say({"type": "subscribe", "since": since})
        assert (await line.next())["code"] == "since.invalid"
        line.say({"type": "subscribe", "since": 4})
        assert (await line.next())["type"] == "subscribed"


async def test_a_number_in_the_address_must_be_one_too() -> None:
    async with talking(ScriptedFanOut(), since="soon") as line:
        line.say({"type": "subscribe"})
        assert (await line.next())["code"] == "since.invalid"


async def test_what_is_not_kept_is_a_resync() -> None:
    async with talking(ScriptedFanOut(first=10, last=20)) as line:
        line.say({"type": "subscribe", "since": 5})
        assert await line.next() == {"type": "subscribed", "last_number": 20}
        assert await line.next() == {"type": "resync", "last_number": 20}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("hello", "message.not_json"),
        ("", "message.not_json"),
        ("[1]", "message.not_json"),
        ("null", "message.not_json"),
        ("[" * 5000, "message.not_json"),
        (b"\xff\xfe", "message.not_json"),
        ('{"type": "ping", "type": "subscribe"}', "member.repeated"),
        ("{}", "message.unknown_type"),
        ('{"type": "unsubscribe"}', "message.unknown_type"),
        ('{"type": ["subscribe"]}', "message.unknown_type"),
    ],
)
async def test_nonsense_is_answered_and_the_connection_stays(said: str | bytes, code: str) -> None:
    async with talking(ScriptedFanOut()) as line:
        line.say(said)
        answer = await line.next()
        assert (answer["type"], answer["code"]) == ("error", code)
        assert answer["message"]
        line.say({"type": "ping"})
        assert await line.next() == {"type": "pong"}


async def test_bytes_are_as_good_as_text() -> None:
    async with talking(ScriptedFanOut()) as line:
        line.say(b'{"type": "ping"}')
        assert await line.next() == {"type": "pong"}


async def test_one_subscription_is_enough() -> None:
    async with talking(ScriptedFanOut()) as line:
        line.say({"type": "subscribe"})
        assert (await line.next())["type"] == "subscribed"
        line.say({"type": "subscribe"})
        assert (await line.next())["code"] == "already_subscribed"


@pytest.mark.parametrize(
    "text", ["x" * (MAX_MESSAGE_BYTES + 1), "ä" * (MAX_MESSAGE_BYTES // 2 + 1)]
)
async def test_a_message_that_is_too_long_ends_it(text: str) -> None:
    async with talking(ScriptedFanOut()) as line:
        line.say(text)
        assert await line.next() == 1009


async def test_a_message_may_be_just_so_long() -> None:
    async with talking(ScriptedFanOut()) as line:
        line.say("x" * MAX_MESSAGE_BYTES)
        assert (await line.next())["code"] == "message.not_json"


async def test_a_database_that_goes_away_is_said() -> None:
    class Broken(ScriptedFanOut):
        async def read(self, number: int) -> list[Told]:
            raise Unavailable("no database", code="database.unavailable")

    async with talking(Broken()) as line:
        line.say({"type": "subscribe"})
        assert (await line.next())["type"] == "subscribed"
        assert (await line.next())["code"] == "database.unavailable"
        assert await line.next() == 1013


async def test_one_who_takes_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "_SEND_SECONDS", 0.02)
    stream = ScriptedFanOut(last=1)
    async with talking(stream) as line:
        line.say({"type": "subscribe", "since": 0})
        assert (await line.next())["type"] == "subscribed"
        assert await line.next() == 1
        line.open.clear()
        stream.last = 2
        await stream.deliver()
