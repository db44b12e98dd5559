"""Log files read from their end, and followed as they grow."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from backend.core.log_lines import parse_line

Entry = dict[str, object]
_BLOCK = 65_536


def processes(folder: Path) -> list[str]:
    """The processes that have written logs here."""
    return sorted({path.name.partition(".log")[0] for path in folder.glob("*.log*")})


def last_entries(folder: Path, names: Iterable[str], level: int, count: int) -> list[Entry]:
    """The last `count` entries of these processes at `level` or above, the oldest first."""
    found = [
        entry
        for name in names
        for _, entry in zip(range(count), _backwards(folder, name, level), strict=False)
    ]
    return sorted(found, key=when)[max(0, len(found) - count) :]


def when(entry: Entry) -> str:
    """What entries are ordered by."""
    return str(entry["time"])


def _backwards(folder: Path, name: str, level: int) -> Iterator[Entry]:
    current = folder / f"{name}.log"
    older = sorted(folder.glob(f"{name}.log.*"), reverse=True)
    for path in [current, *older]:
        if not path.is_file():
            continue
        for line in lines_backwards(path):
            entry = entry_of_line(line, name, path)
            if is_at_least(entry, level):
                yield entry


def lines_backwards(path: Path) -> Iterator[str]:
    """The lines of a file, the last first, without reading more of it than is asked for."""
    with path.open("rb") as file:
        position = file.seek(0, 2)
        rest = b""
        while position:
            size = min(_BLOCK, position)
            position = file.seek(position - size)
            rest, *lines = (file.read(size) + rest).split(b"\n")
            yield from (line.decode(errors="replace") for line in reversed(lines) if line)
        if rest:
            yield rest.decode(errors="replace")


def entry_of_line(line: str, process: str, path: Path) -> Entry:
    """A line's entry; what is not one of ours, such as a server's own line, becomes its event."""
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="milliseconds")
    return parse_line(line) or {
        "time": written,
        "level": "",
        "process": process,
        "event": line.rstrip(),
    }


def is_at_least(entry: Entry, level: int) -> bool:
    """Whether the entry is that serious; a line without a level is information."""
    import logging

    known = logging.getLevelNamesMapping()
    return known.get(str(entry.get("level")), logging.INFO) >= level


class Followed:
    """One process's log from now on, over the change of the file at midnight."""

    def __init__(self, folder: Path, name: str, *, from_start: bool = False) -> None:
        self._name = name
        self._path = folder / f"{name}.log"
        self._file: TextIO | None = None
        self._part = ""
        self._open(at_end=not from_start)

    def new_entries(self) -> list[Entry]:
        """What has been written since the last call."""
        entries = self._read()
        if self._was_replaced():
            self._open(at_end=False)
            entries += self._read()
        return entries

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()

    def _open(self, *, at_end: bool) -> None:
        self.close()
        self._part = ""
        try:
            self._file = self._path.open(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            self._file = None
            return
        if at_end:
            self._file.seek(0, 2)

    def _read(self) -> list[Entry]:
        if not self._file:
            return []
        *lines, self._part = (self._part + self._file.read()).split("\n")
        return [entry_of_line(line, self._name, self._path) for line in lines if line]

    def _was_replaced(self) -> bool:
        if not self._path.exists():
            return False
        if not self._file:
            return True
        import os

        return not os.path.samestat(self._path.stat(), os.fstat(self._file.fileno()))
