"""The messages of the live stream, one after the other, over every break of the connection."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from backend.cli.client import Document, unreachable
from backend.core.errors import Unavailable
from backend.core.retry import Pauses


def messages(address: str, since: int | None) -> Iterator[Document]:
    """What the API at this address tells a subscriber, until it closes the connection.

    After the message `since`, else from now on. Raises Unavailable where it cannot be reached, or
    the connection breaks.
    """
    from websockets.exceptions import ConnectionClosedError, InvalidHandshake
    from websockets.sync.client import connect

    after = {} if since is None else {"since": since}
    try:
        with connect(
            f"ws{address.removeprefix('http')}/ws/events",
            proxy=None,  # for the world outside, not for this machine
            close_timeout=1,
            max_size=None,
        ) as socket:
            socket.send(json.dumps({"type": "subscribe"} | after))
            for text in socket:
                yield json.loads(text)
    except ConnectionClosedError as error:
        raise Unavailable("the connection broke", code="stream.broken") from error
    except (OSError, InvalidHandshake, EOFError) as error:
        raise unreachable(address) from error


@dataclass(slots=True)
class Follower:
    """Follows the events.

    `find` says where the API is, each time anew, since it may come back elsewhere. `begin` is
    called once, when every message from now on is sure to come; `show` for each message; `tell`
    with a sentence about the connection.
    """

    find: Callable[[], str]
    begin: Callable[[], None]
    show: Callable[[Document], None]
    tell: Callable[[str], None]
    stream: Callable[[str, int | None], Iterator[Document]] = messages
    pause: Callable[[float], None] = time.sleep
    last: int | None = None
    """The number of the last message that was shown, so that a break costs none."""
    pauses: Pauses = field(default_factory=Pauses)

    def run(self) -> None:
        """Follow until interrupted. Raises Unavailable only where nobody answers at first."""
        while True:
            try:
                for message in self.stream(self.find(), self.last):
                    self._take(message)
                reason = "the server has closed the connection"
            except Unavailable as error:
                if self.last is None:
                    raise
                reason = str(error)
            seconds = self.pauses.after()
            self.tell(f"{reason}; trying again in {max(1, round(seconds))} s")
            self.pause(seconds)

    def _take(self, message: Document) -> None:
        kind = message["type"]
        if kind == "subscribed":
            self.pauses.begin_anew()
            if self.last is None:
                self.last = message["last_number"]
                self.begin()
            else:
                self.tell("connected again")
        elif kind == "resync":
            self.last = message["last_number"]
            self.tell("messages were missed: `hsi events` shows what happened meanwhile")
        elif kind == "error":
            # What it refuses is all that we ask for; later it may grant it.
            raise Unavailable(str(message["message"]), code="stream.refused")
        elif "number" in message:
            self.last = message["number"]
            if "event" in message:  # else it is of a later version
                self.show(message)
