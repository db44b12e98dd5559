"""Somebody who listens at the WebSocket, and comes back after every break."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from backend.tests.faults.oracle import Oracle
from backend.tests.fixtures.product import until

_PATIENCE = 5.0


class Listener:
    """Hears the messages of an API, from the first one on.

    `numbers` are those of all messages in the order in which they came. A connection on which
    nothing comes for 5 s, not even an answer to a question, is given up.
    """

    def __init__(self, address: str) -> None:
        self._address = address.replace("http://", "ws://", 1) + "/ws/events"
        self.numbers: list[int] = []

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            with suppress(OSError, WebSocketException, TimeoutError):
                await self._listen()
            await asyncio.sleep(0.1)

    @property
    def last(self) -> int:
        """The number of the last message; 0 before the first."""
        return self.numbers[-1] if self.numbers else 0

    async def _listen(self) -> None:
        async with connect(self._address, open_timeout=_PATIENCE, close_timeout=1) as socket:
            await socket.send(json.dumps({"type": "subscribe", "since": self.last}))
            while True:
                try:
                    async with asyncio.timeout(_PATIENCE / 2):
                        text = await socket.recv()
                except TimeoutError:
                    await socket.send(json.dumps({"type": "ping"}))
                    async with asyncio.timeout(_PATIENCE / 2):
                        text = await socket.recv()
                message = json.loads(text)
                if message["type"] == "resync":
                    raise AssertionError(f"messages were missed: {message}")
                if "number" in message:
                    self.numbers.append(message["number"])


async def heard_all(listener: Listener, oracle: Oracle) -> None:
    """Wait until a listener has heard every message that there is: once, and in order."""
    last = await oracle.count("SELECT last_number FROM outbox_counter")

    async def has_all() -> bool:
        return listener.last >= last

    await until(has_all, f"message {last} to be heard", seconds=60)
    assert listener.numbers == list(range(1, len(listener.numbers) + 1))


@asynccontextmanager
async def listening(address: str) -> AsyncIterator[Listener]:
    """Somebody who listens meanwhile."""
    listener = Listener(address)
    hearing = asyncio.create_task(listener.run())
    try:
        yield listener
    finally:
        hearing.cancel()
        with suppress(asyncio.CancelledError):
            await hearing
