"""What is said over one WebSocket."""

import asyncio
import contextlib
from typing import Any

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from backend.api.json_text import parsed
from backend.core.errors import HsiError, Invalid, Unavailable
from backend.services.live.fan_out import FanOut, Reader

MAX_MESSAGE_BYTES = 64 * 1024
_MAX_NUMBER = 2**63 - 1
_SEND_SECONDS = 60.0
_TOO_BIG, _TRY_AGAIN_LATER = 1009, 1013


class Conversation:
    """Answers a client, and tells it what happens once it has subscribed.

    `since` is the number after which it wants messages, unless its subscription says another.
    """

    def __init__(self, socket: WebSocket, fan_out: FanOut, since: str | None) -> None:
        self._socket = socket
        self._fan_out = fan_out
        self._since = since
        self._subscribed: asyncio.Future[Reader] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Talk until either side has left, or the client takes nothing for a minute."""
        parts = [asyncio.create_task(self._hear()), asyncio.create_task(self._tell())]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
        for part in done:
            part.result()

    async def _hear(self) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while (text := await self._received()) is not None:
                try:
                    await self._answer(text)
                except HsiError as error:
                    await self._send_error(error)

    async def _received(self) -> str | None:
        """The next message; None once the connection is over."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        text: str = message.get("text") or (message.get("bytes") or b"").decode(errors="replace")
        if len(text.encode()) <= MAX_MESSAGE_BYTES:
            return text
        await self._socket.close(_TOO_BIG, f"a message has at most {MAX_MESSAGE_BYTES} bytes")
        return None

    async def _answer(self, text: str) -> None:
        message = _parsed(text)
        kind = message.get("type")
        if kind == "ping":
            await self._send({"type": "pong"})
        elif kind == "subscribe":
            await self._subscribe(message.get("since", self._since))
        else:
            raise Invalid("`type` must be `subscribe` or `ping`", code="message.unknown_type")

    async def _subscribe(self, since: object) -> None:
        if self._subscribed.done():
            raise Invalid("this connection has subscribed already", code="already_subscribed")
        reader = await self._fan_out.reader(_number(since))
        await self._send({"type": "subscribed", "last_number": reader.last_number})
        self._subscribed.set_result(reader)

    async def _tell(self) -> None:
        with await self._subscribed as reader, contextlib.suppress(WebSocketDisconnect):
            try:
                while True:
                    for text in await reader.next():
                        async with asyncio.timeout(_SEND_SECONDS):
                            await self._socket.send_text(text)
            except TimeoutError:
                return  # it takes nothing: there is no way to tell it so
            except Unavailable as error:
                await self._send_error(error)
                await self._socket.close(_TRY_AGAIN_LATER, error.code)

    async def _send_error(self, error: HsiError) -> None:
        await self._send({"type": "error", "code": error.code, "message": str(error)})

    async def _send(self, message: dict[str, Any]) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            await self._socket.send_text(orjson.dumps(message).decode())


def _parsed(text: str) -> dict[str, Any]:
    try:
        message = parsed(text)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise Invalid("a message must be a JSON object", code="message.not_json")
    return message


def _number(since: object) -> int | None:
    """The number of a message, out of JSON or an address."""
    if since is None:
        return None
    if isinstance(since, str) and since.isascii() and since.isdecimal() and len(since) < 20:
        since = int(since)
    if isinstance(since, int) and not isinstance(since, bool) and 0 <= since <= _MAX_NUMBER:
        return since
    raise Invalid("`since` must be the number of a message", code="since.invalid")
