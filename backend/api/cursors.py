"""Where the next page of a list begins, as opaque text.

A cursor names its list, so that one of another list is refused; it holds a position and nothing
secret, so that a forged one shows nothing that the list would not.
"""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from backend.core.errors import Invalid

MAX_ID = 2**63 - 1


def encode(list_name: str, key: Sequence[int | datetime]) -> str:
    """The cursor after the item with this key. Moments have a zone."""
    parts = [part.isoformat() if isinstance(part, datetime) else part for part in key]
    text = orjson.dumps([list_name, *parts])
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def decode_id(list_name: str, cursor: str, *, highest: int = MAX_ID) -> int:
    """The id in a cursor. Raises `Invalid` for what `encode` did not make for this list."""
    key = _decoded(list_name, cursor)
    if len(key) != 1 or type(key[0]) is not int or not 0 <= key[0] <= highest:
        raise _invalid()
    return key[0]


def decode_moment_and_id(list_name: str, cursor: str) -> tuple[datetime, int]:
    """The moment and the id in a cursor; raises as `decode_id` does."""
    key = _decoded(list_name, cursor)
    if len(key) != 2 or type(key[1]) is not int or not 0 <= key[1] <= MAX_ID:
        raise _invalid()
    try:
        at = datetime.fromisoformat(key[0])
        if at.tzinfo is not None:
            return at.astimezone(UTC), key[1]
    except (TypeError, ValueError, OverflowError):
        pass
    raise _invalid()


def _decoded(list_name: str, cursor: str) -> list[Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except ValueError as error:
        raise _invalid() from error
    if not isinstance(parts, list) or not parts or parts[0] != list_name:
        raise _invalid()
    if encode(list_name, parts[1:]) != cursor:  # other ways to write the same
        raise _invalid()
    return parts[1:]


def _invalid() -> Invalid:
    return Invalid(
        "cursor: must be the `next_cursor` of an earlier page of this very list",
        code="cursor.invalid",
    )
