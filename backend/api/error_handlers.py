"""Which error gives which answer: one table, and what comes from the framework."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from backend.api.problems import problem
from backend.core.errors import Conflict, HsiError, Invalid, NotFound, Unavailable
from backend.core.input_words import words_of

STATUS: Mapping[type[HsiError], int] = {
    NotFound: 404,
    Conflict: 409,
    Invalid: 422,
    Unavailable: 503,
}
RETRY_AFTER_SECONDS = 5

_PARAMETER = re.compile(r"\{\w+\}")

_FRAMEWORK = {
    400: ("request.malformed", "the body cannot be read: send JSON in UTF-8"),
    404: ("route.unknown", "there is nothing at this address: /docs lists what there is"),
    405: ("method.not_allowed", "this address does not know that method: `Allow` lists those"),
    413: ("body.too_large", "the body is too large"),
}


def add_error_handlers(application: FastAPI) -> None:
    """Let an application answer every expected error with a problem document."""
    application.add_exception_handler(HsiError, _expected)
    application.add_exception_handler(RequestValidationError, _not_valid)
    application.add_exception_handler(HTTPException, _of_the_framework)


def answer_to(error: HsiError) -> Response:
    """The problem document of an expected error."""
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else None
    return problem(status, error.code, str(error), headers=headers)


def named_fields(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """pydantic's errors as `{field, message}`."""
    return [{"field": _field(error), "message": words_of(error)} for error in errors]


def _field(error: Mapping[str, Any]) -> str:
    """The name by which the client knows it: `limit`, `name`, or `body` for the whole of it."""
    place, *names = error["loc"]
    if not names or error["type"] == "json_invalid":  # which names a character
        return str(place)
    return ".".join(map(str, names))


async def _expected(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HsiError)  # noqa: S101 - registered for this type
    return answer_to(error)


async def _not_valid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    fields = named_fields(error.errors())
    detail = "; ".join(f"{one['field']}: {one['message']}" for one in fields)
    return problem(422, "request.invalid", detail, errors=fields)


async def _of_the_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers |= _allowed(request)
    code, detail = _FRAMEWORK.get(error.status_code, ("request.refused", str(error.detail)))
    return problem(error.status_code, code, detail, headers=headers)


def _allowed(request: Request) -> dict[str, str]:
    """The header `Allow`: the framework knows but one of the routes at an address."""
    methods = {
        method.upper()
        for template, operations in request.app.openapi()["paths"].items()
        if _matches(template, request.url.path)
        for method in operations
    }
    if not methods:
        return {}
    return {"Allow": ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))}


def _matches(template: str, path: str) -> bool:
    return re.fullmatch(_PARAMETER.sub("[^/]+", template), path) is not None
