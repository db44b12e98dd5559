"""A connection on which a request has to begin in time, and to come to its point."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class BoundedConnection(HttpToolsProtocol):
    """Closed where the headers of a request are not there within `seconds`, and refused where they
    are longer than `most_bytes`; closed where as much comes after them that is no body.

    httptools bounds nothing, and joins a long header piece by piece, also one that follows a body
    in chunks: the time grows with the square of its length, and nobody else is answered meanwhile.
    """

    seconds = 10.0
    most_bytes = 64 << 10

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has connected, and has to say what for."""
        super().connection_made(transport)
        self._late: asyncio.TimerHandle | None = None
        self._length = 0
        self._wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._has_headers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Something came; of what is no body not too much."""
        self._has_body = False
        super().data_received(data)
        self._length = 0 if self._has_body else self._length + len(data)
        if self._length <= self.most_bytes:
            return
        if self._late is not None:
            self._has_headers()
            self.transport.write(_REFUSAL)
        self.transport.close()

    def on_message_begin(self) -> None:
        """The first byte of a request came."""
        super().on_message_begin()
        self._wait_for_headers()

    def on_headers_complete(self) -> None:
        """They are whole; for the body whoever reads it sees to the time."""
        self._has_headers()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body came."""
        self._has_body = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The last byte of a request came; what follows is another's."""
        self._has_body = True
        super().on_message_complete()

    def _wait_for_headers(self) -> None:
        self._has_headers()
        self._length = 0
        self._late = self.loop.call_later(self.seconds, self.transport.close)

    def _has_headers(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
