"""What a request's body holds: pictures, or the paths of some."""

import asyncio
import json
from collections.abc import Sequence

from starlette.requests import ClientDisconnect, Request

from ai.detector.multipart import parts_of
from ai.detector.problems import Refused, gone
from backend.core.errors import Invalid

_RAW = frozenset({"", "image/jpeg", "image/png", "application/octet-stream"})
_SECONDS = 30.0
"""For all of a body: who sends slower keeps a place from others."""
_HEADERS_BYTES = 4096  # of a part of a multipart body; or a path in JSON

Picture = bytes | str
"""The bytes of a picture, or its path on the shared store."""


async def one_picture(request: Request, *, most_bytes: int) -> Picture:
    """The picture of a body: the body itself, its one part, or the `path` of its JSON.

    Raises `Invalid` and `Refused`.
    """
    kind, body = await _read(request, most_bytes, beside=_HEADERS_BYTES)
    if kind in _RAW:
        _check(body, most_bytes)
        return body
    found = _named(kind, body, "path", request, most=1)
    if len(found) != 1:
        raise Invalid(f"one picture is wanted, not {len(found)}", code="body.number")
    _check(found[0], most_bytes)
    return found[0]


async def several_pictures(request: Request, *, most: int, most_bytes: int) -> Sequence[Picture]:
    """The pictures of a body: its parts, or the `paths` of its JSON. Raises as `one_picture`.

    All of the body is no larger than one picture may be: whoever sends it has one place till then.
    """
    kind, body = await _read(request, most_bytes, beside=most * _HEADERS_BYTES)
    found = _named(kind, body, "paths", request, most=most)
    if not 1 <= len(found) <= most:
        raise Invalid(f"from 1 to {most} pictures, not {len(found)}", code="body.number")
    for one in found:
        _check(one, most_bytes)
    return found


async def _read(request: Request, most_bytes: int, *, beside: int) -> tuple[str, bytes]:
    """The kind of a body, and all of it; `beside` are the bytes that may surround the pictures."""
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    said = request.headers.get("Content-Length", "0")
    if not said.isdecimal() or int(said) > most_bytes + beside:
        raise _too_large(most_bytes)
    chunks: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(_SECONDS):
            async for chunk in request.stream():
                chunks.append(chunk)
                length += len(chunk)
                if length > most_bytes + beside:
                    raise _too_large(most_bytes)
    except ClientDisconnect:
        raise gone() from None
    except TimeoutError as error:
        raise Refused(408, "body.slow", f"the body took more than {_SECONDS:.0f} s") from error
    return kind, b"".join(chunks)


def _named(kind: str, body: bytes, key: str, request: Request, *, most: int) -> Sequence[Picture]:
    if kind == "multipart/form-data":
        return parts_of(body, request.headers["Content-Type"], most=most)
    if kind == "application/json":
        if len(body) > most * _HEADERS_BYTES:  # taking it apart keeps others waiting
            raise _too_large(most * _HEADERS_BYTES)
        return _paths(body, key)
    raise Refused(
        415, "body.type", "send image/jpeg, image/png, multipart/form-data or application/json"
    )


def _paths(body: bytes, key: str) -> Sequence[str]:
    try:
        paths = json.loads(body)[key]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Invalid(f"the body must be JSON with `{key}`", code="body.json") from error
    listed = paths if isinstance(paths, list) else [paths]
    if not all(isinstance(path, str) for path in listed):
        raise Invalid(f"`{key}` must be text", code="body.json")
    return listed


def _check(picture: Picture, most_bytes: int) -> None:
    if isinstance(picture, bytes) and len(picture) > most_bytes:
        raise _too_large(most_bytes)


def _too_large(most_bytes: int) -> Refused:
    return Refused(413, "picture.too_large", f"at most {most_bytes} bytes are taken")
