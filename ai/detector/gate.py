"""What every request passes, from the outside to the inside: plain ASGI, no copies of bodies."""

import hmac
import logging
import re
from secrets import token_hex

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ai.detector.metrics import Metrics
from ai.detector.problems import problem

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_OPEN = frozenset({"/ready"})
"""Without a key: whoever spreads requests over several services asks it, and learns no more."""

log = logging.getLogger(__name__)


class RequestIds:
    """Gives each request an id, told in the answer; the client's own where it is sane.

    A bug is logged under it with its trace, and the client told no more than that there was one.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request under its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = Headers(scope=scope).get("X-Request-ID", "")
        request_id = wanted if _REQUEST_ID.fullmatch(wanted) else token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        begun = False

        async def send_with_id(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
                self._metrics.answers.labels(status=str(message["status"])).inc()
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            log.exception("request %s failed", request_id)
            if begun:
                raise  # half an answer has left: only closing the connection says so
            answer = problem(500, "internal", "an unexpected error; the log has its trace")
            await answer(scope, receive, send_with_id)


class Gate:
    """Lets in who knows the key, and no web page: no browser has business here."""

    def __init__(self, app: ASGIApp, key: str | None) -> None:
        self._app = app
        self._expected = None if key is None else f"Bearer {key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if "Origin" in headers:
            refusal = problem(403, "origin.foreign", "web pages may not ask this service")
            await refusal(scope, receive, send)
        elif scope["path"] not in _OPEN and not self._knows(headers):
            refusal = problem(
                401,
                "key.wrong",
                "send the key as `Authorization: Bearer …`",
                {"WWW-Authenticate": "Bearer"},
            )
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _knows(self, headers: Headers) -> bool:
        if self._expected is None:
            return True
        given = headers.get("Authorization", "").encode("latin-1", "replace")
        return hmac.compare_digest(given, self._expected)  # in a time that tells nothing
