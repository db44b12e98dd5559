"""Errors as clients get them: RFC 9457 problem documents with a stable `code`."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from ai.detector.places import Busy
from backend.core.errors import HsiError, Invalid, NotFound

MEDIA_TYPE = "application/problem+json"
_TOO_LARGE = "picture.too_large"


class Refused(Exception):  # noqa: N818 - as the kinds of `backend.core.errors`
    """A request that is refused with a status of its own."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


def gone() -> Refused:
    """Nobody is there any more to be answered; it is counted."""
    return Refused(499, "client.gone", "the client closed the connection")


def document(error: HsiError | Refused) -> dict[str, Any]:
    """The problem document of an error that was expected."""
    return _document(_status(error), error.code, str(error))


def answer_to(error: HsiError | Refused) -> Response:
    """The answer to a request that failed by an error that was expected."""
    status = _status(error)
    # Only of who is busy it is known when: a client takes it for a sign of life.
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Busy) else {}
    return problem(status, error.code, str(error), headers=headers)


def problem(
    status: int, code: str, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer to a request that failed."""
    body = json.dumps(_document(status, code, detail))
    return Response(body, status, headers, MEDIA_TYPE)


def _document(status: int, code: str, detail: str) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": "Client Closed Request" if status == 499 else HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }


def _status(error: HsiError | Refused) -> int:
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, Invalid):
        return 413 if error.code == _TOO_LARGE else 422
    return 503
