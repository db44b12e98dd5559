"""The parts of a multipart body (RFC 2046, 5.1): their contents, byte for byte."""

import re
from collections.abc import Iterator
from itertools import islice, pairwise

from backend.core.errors import Invalid

_BOUNDARY = re.compile(
    r"multipart/form-data\s*;.*?boundary=(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))", re.IGNORECASE
)


def parts_of(body: bytes, content_type: str, *, most: int) -> list[bytes]:
    """The content of each part, in order; copied once.

    Raises `Invalid` (`body.multipart`; `body.number` for more than `most`).
    """
    found = _BOUNDARY.match(content_type)
    if found is None:
        raise _broken("its Content-Type names no boundary")
    delimiter = b"--" + (found[1] or found[2]).encode("latin-1", "replace")
    cuts = list(islice(_cuts(body, delimiter), most + 2))
    if len(cuts) == most + 2:
        raise Invalid(f"at most {most} pictures are wanted, and there are more", code="body.number")
    if not cuts or not body.startswith(b"--", cuts[-1][1]):
        raise _broken("it does not end with its boundary")
    return [_content(body, begin, end) for (_, begin), (end, _) in pairwise(cuts)]


def _cuts(body: bytes, delimiter: bytes) -> Iterator[tuple[int, int]]:
    """Where each line begins and ends that begins with the delimiter."""
    behind = 0
    if body.startswith(delimiter):
        behind = len(delimiter)
        yield 0, behind
    line = b"\r\n" + delimiter
    while (at := body.find(line, behind)) >= 0:
        behind = at + len(line)
        yield at, behind


def _content(body: bytes, begin: int, end: int) -> bytes:
    blank_line = body.find(b"\r\n\r\n", begin, end)
    if blank_line < 0:
        raise _broken("a part has no end of its headers")
    return body[blank_line + 4 : end]


def _broken(why: str) -> Invalid:
    return Invalid(f"the multipart body cannot be read: {why}", code="body.multipart")
