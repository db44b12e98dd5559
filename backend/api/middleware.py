"""What every request passes, from the outside to the inside: plain ASGI, no copies of bodies."""

import re
from collections.abc import Collection
from secrets import token_hex

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.hosts import is_ours, is_same_origin
from backend.api.problems import problem

MAX_BODY_BYTES = 1_000_000
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

log = structlog.get_logger(__name__)


def middleware(allowed_hosts: Collection[str]) -> list[Middleware]:
    """All of it, the outermost first. `allowed_hosts` are host names beside the loopback ones."""
    return [
        Middleware(RequestIds),
        Middleware(SecurityHeaders),
        Middleware(UnexpectedErrors),
        Middleware(HeadAsGet),
        Middleware(OwnHosts, allowed=frozenset(allowed_hosts)),
        Middleware(BodyLimit),
    ]


class RequestIds:
    """Gives each request an id, in the log and in the answer; the client's own where it is sane."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request under its id."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        wanted = Headers(scope=scope).get("X-Request-ID", "")
        request_id = wanted if _REQUEST_ID.fullmatch(wanted) else token_hex(8)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._app(scope, receive, send_with_id)


class SecurityHeaders:
    """Sets headers that browsers heed, where the answer does not set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, and add the headers to its answer."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class UnexpectedErrors:
    """Logs a bug with its trace, and tells the client no more than that there was one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; a bug gives a 500."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception:
            log.exception("request failed", method=scope["method"], path=scope["path"])
            if begun:
                raise  # half an answer has left: only closing the connection says that it is half
            answer = problem(500, "internal", "an unexpected error; the log has its trace")
            await answer(scope, receive, send)


class HeadAsGet:
    """Answers HEAD as GET, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, send_without_body)


class OwnHosts:
    """Refuses requests for a foreign `Host`, and of pages of a foreign `Origin`.

    Programs that are no browsers send no `Origin`, and need none.
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or refuse it."""
        refusal = self._refusal(scope) if scope["type"] in {"http", "websocket"} else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await refusal(scope, receive, send)
        else:
            # Without an answer of its own, which uvicorn would log as our error: it says 403.
            await send(
                {"type": "websocket.close", "code": 1008, "reason": "foreign host or origin"}
            )

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("Host")
        if len(hosts) != 1 or not is_ours(hosts[0], self._allowed):
            return problem(
                400,
                "host.foreign",
                "`Host` must be a loopback name or address, or one of API__ALLOWED_HOSTS",
            )
        reading = scope["type"] == "http" and scope["method"] in _READING
        origins = [] if reading else headers.getlist("Origin")
        if all(is_same_origin(origin, hosts[0], self._allowed) for origin in origins):
            return None
        return problem(
            403,
            "origin.foreign",
            "`Origin` must be this very address, or one of API__ALLOWED_HOSTS",
        )


class BodyLimit:
    """Refuses bodies of more than a megabyte, also those that do not say their length before."""

    def __init__(self, app: ASGIApp, most_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or refuse its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = Headers(scope=scope).get("Content-Length", "0")
        if not said.isdecimal() or int(said) > self._most_bytes:
            answer = problem(413, "body.too_large", f"at most {self._most_bytes} bytes")
            await answer(scope, receive, send)
            return
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._most_bytes:
                raise HTTPException(413)  # answered by the table of errors
            return message

        await self._app(scope, receive_counted, send)
