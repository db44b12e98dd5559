"""What a log line holds, how it is written, and how it is read again.

A line of a log file is one JSON object: `time` (UTC, ISO 8601), `level`, `process`, `logger`,
`event`, `exception` where there is one, and whatever the caller added.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from logging import Formatter, LogRecord
from traceback import format_exception

HIDDEN = "***"
_FIRST = ("time", "level", "process", "logger", "event")
_URL_PASSWORD = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s:/@'\"]*):[^ \t\r\n'\"]*@")
_HUSHED = r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|authorization|cookie)"
# Up to the closing quote, or else to the next space: rather a word too many than half a password.
_NAMED_SECRET = re.compile(
    rf"(?i)(\b\w*{_HUSHED}['\"]?\s*[=:]\s*)(?:Bearer\s+|Basic\s+)?"
    r"(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\S+)"
)
_SECRET_FIELD = re.compile(rf"(?i).*{_HUSHED}$")
# Categories of characters that can move the cursor, hide text or break a line: control, format
# (bidirectional marks), surrogate, line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def redact(value: object) -> object:
    """The value without passwords, tokens and the like, however deep they lie."""
    if isinstance(value, str):
        return _NAMED_SECRET.sub(rf"\1{HIDDEN}", _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", value))
    if isinstance(value, Mapping):
        return _redact_fields(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))


def _redact_fields(fields: Mapping[str, object]) -> dict[str, object]:
    return {
        str(name): HIDDEN if _SECRET_FIELD.fullmatch(str(name)) else redact(value)
        for name, value in fields.items()
    }


def printable(text: str) -> str:
    """The text on one line, with what could trick a terminal written as an escape."""
    return "".join(
        char.encode("unicode_escape").decode()
        if unicodedata.category(char) in _UNPRINTABLE
        else char
        for char in text
    )


def entry_of(record: LogRecord, process: str) -> dict[str, object]:
    """What is logged of a record, from structlog or from a library, without secrets."""
    if isinstance(record.msg, dict):
        fields = dict(record.msg)
        event = fields.pop("event", "")
    else:
        fields = {}
        event = record.getMessage()
    entry = fields | {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname,
        "process": process,
        "logger": record.name,
        "event": event,
    }
    if record.exc_info and record.exc_info[0]:
        entry["exception"] = "".join(format_exception(*record.exc_info))
    safe = _redact_fields(entry)
    return {name: safe.pop(name) for name in _FIRST} | safe


def json_line(entry: Mapping[str, object]) -> str:
    """The entry as ASCII on one line, whatever its values hold."""
    return json.dumps(entry, ensure_ascii=True, separators=(",", ":"))


def parse_line(line: str) -> dict[str, object] | None:
    """The entry of a line; None for a line that is none of ours."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "event" in entry and "time" in entry else None


def readable(entry: Mapping[str, object]) -> str:
    """The entry for people: one line, and one more for each line of a trace."""
    rest = " ".join(
        f"{name}={_value(value)}"
        for name, value in entry.items()
        if name not in {*_FIRST, "exception"}
    )
    time, level, process = (str(entry.get(name, "")) for name in ("time", "level", "process"))
    head = f"{_local(time)} {level:<7} {process}: {entry.get('event', '')}"
    lines = [f"{head}  {rest}" if rest else head]
    lines += ["    " + line for line in str(entry.get("exception", "")).splitlines()]
    return "\n".join(printable(line) for line in lines)


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False) if " " in text or not text else text


def _local(time: str) -> str:
    """The time on this machine's clock, where it can be read."""
    try:
        return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    except ValueError:
        return time


class JsonLines(Formatter):
    """Writes a record as a line of a log file."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: LogRecord) -> str:
        """The record's JSON object."""
        return json_line(entry_of(record, self._process))


class Readable(Formatter):
    """Writes a record for people."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: LogRecord) -> str:
        """The record's readable line."""
        return readable(entry_of(record, self._process))
