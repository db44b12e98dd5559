"""Errors as clients get them: RFC 9457 problem documents with a stable `code`."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"

_MEANINGS = {
    400: "The request is malformed, or its `Host` is not ours.",
    403: "A web page of another origin may not do this.",
    404: "It is not there.",
    409: "It cannot be done in the present state.",
    413: "The body is too large.",
    422: "The input is wrong; `errors` names each field.",
    500: "A fault of ours; the log has it under the answer's `X-Request-ID`.",
    503: "Something that is needed does not answer now; `Retry-After` says when to try again.",
}


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: object,
) -> Response:
    """The answer to a request that failed. `more` are further members of the document."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    # Escaped to ASCII: what is told back may hold half a surrogate pair, which UTF-8 has not.
    return Response(json.dumps(document), status, headers, MEDIA_TYPE)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How a route's problems are documented."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _MEANINGS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }
