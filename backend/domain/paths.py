"""File names as text that PostgreSQL and JSON can hold, and back again.

A name on disk is bytes. Nearly always they are UTF-8 and the text is the name; a byte that is not
becomes `\\xNN`, and a backslash becomes two, so that no two names give the same text.
"""

import os
import re

_FOREIGN = re.compile("[\udc80-\udcff\\\\]")
_ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|(\\))")


def path_as_text(path: str) -> str:
    """The text of a path as Python has it (with surrogate escapes)."""
    return _FOREIGN.sub(_escape, path)


def text_as_path(text: str) -> str:
    """The path that `path_as_text` made this text of."""
    return _ESCAPED.sub(_unescape, text)


def _escape(match: re.Match[str]) -> str:
    if match.group() == "\\":
        return "\\\\"
    return f"\\x{os.fsencode(match.group())[0]:02x}"


def _unescape(match: re.Match[str]) -> str:
    if match.group(2):
        return "\\"
    return os.fsdecode(bytes([int(match.group(1), 16)]))
