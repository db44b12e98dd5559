"""The parts of a multipart body (RFC 2046, 5.1): their contents, byte for byte."""

import re

from backend.core.errors import Invalid

_BOUNDARY = re.compile(
    r"multipart/form-data\s*;.*?boundary=(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))", re.IGNORECASE
)


def parts_of(body: bytes, content_type: str) -> list[bytes]:
    """The content of each part, in order. Raises `Invalid` (`body.multipart`)."""
    found = _BOUNDARY.match(content_type)
    if found is None:
        raise _broken("its Content-Type names no boundary")
    delimiter = b"\r\n--" + (found[1] or found[2]).encode("latin-1", "replace")
    before, *parts = (b"\r\n" + body).split(delimiter)
    del before  # a preamble, which says nothing
    if not parts or not parts[-1].startswith(b"--"):
        raise _broken("it does not end with its boundary")
    return [_content(part) for part in parts[:-1]]


def _content(part: bytes) -> bytes:
    _, blank_line, content = part.partition(b"\r\n\r\n")
    if not blank_line:
        raise _broken("a part has no end of its headers")
    return content


def _broken(why: str) -> Invalid:
    return Invalid(f"the multipart body cannot be read: {why}", code="body.multipart")
