"""The slug of a camera: one rule for folders, the API and every other way in."""

import hashlib
import re
from collections.abc import Collection
from itertools import count

from anyascii import anyascii

LONGEST_SLUG = 64
_FOREIGN = re.compile(r"[^a-z0-9]+")


def slug_of(name: str) -> str:
    """The slug of a camera that is called `name`: `Front Door` becomes `front_door`.

    It is 1 to 64 characters of `a-z0-9_`, with no `_` at either end and no two in a row. A name
    of which nothing is left in ASCII gives `camera_` and 8 hexadecimal digits of its SHA-256;
    one that is too long is cut and ends in such digits, so that long names stay apart.
    """
    slug = _FOREIGN.sub("_", anyascii(name).lower()).strip("_")
    if not slug:
        return f"camera_{_digest(name)}"
    if len(slug) > LONGEST_SLUG:
        return _with_tail(slug, _digest(name))
    return slug


def free_slug(slug: str, taken: Collection[str]) -> str:
    """`slug` where nobody has it, else the first of `slug_2`, `slug_3`, … that is free.

    The answer is no longer than 64 characters either: a long slug is cut before its number.
    """
    if slug not in taken:
        return slug
    numbered = (_with_tail(slug, str(number)) for number in count(2))
    return next(candidate for candidate in numbered if candidate not in taken)


def _with_tail(slug: str, tail: str) -> str:
    return f"{slug[: LONGEST_SLUG - len(tail) - 1].rstrip('_')}_{tail}"


def _digest(name: str) -> str:
    return hashlib.sha256(_bytes_of(name)).hexdigest()[:8]


def _bytes_of(name: str) -> bytes:
    """The bytes of a name, those of a folder's name that is not UTF-8 as they are on disk."""
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a surrogate pair, which no folder's name gives, but JSON can
        return name.encode("utf-8", "surrogatepass")
