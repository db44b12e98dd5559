"""Where log records go: one file for each process, and the terminal."""

import contextlib
import fcntl
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from logging.handlers import TimedRotatingFileHandler
from pathlib import Path

import structlog

from backend.core.errors import Unavailable
from backend.core.log_lines import JsonLines, Readable

_QUIET = ("aiohttp", "asyncio", "httpcore", "httpx", "sqlalchemy", "uvicorn.access", "websockets")
"""Libraries that tell each request or statement at INFO: only their warnings are kept."""


def configure_logging(process: str, folder: Path, *, level: str, keep_days: int) -> None:
    """Send everything that this process logs to `<folder>/<process>.log`, and warnings to stderr.

    The file is a JSON object a line, begins anew at midnight UTC, and is kept `keep_days` days.
    The terminal shows warnings, or what is above `level` where that is more serious, or everything
    at DEBUG. A second call replaces the first. Raises Unavailable where the folder cannot be
    written.
    """
    file = _log_file(process, folder, keep_days)
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(Readable(process))
    terminal.setLevel(logging.DEBUG if level == "DEBUG" else max(logging.WARNING, _number(level)))
    close_logging()
    root = logging.getLogger()
    root.addHandler(OncePerSecond([file, terminal]))
    root.setLevel(level)
    for name in list(logging.Logger.manager.loggerDict):
        if name.partition(".")[0] in {"uvicorn", "sqlalchemy"}:
            _pass_on(logging.getLogger(name))
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, _number(level)))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def close_logging() -> None:
    """Write what is still to be written, and leave logging as `configure_logging` found it."""
    root = logging.getLogger()
    for handler in [found for found in root.handlers if isinstance(found, OncePerSecond)]:
        root.removeHandler(handler)
        handler.close()


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level]


def _log_file(process: str, folder: Path, keep_days: int) -> "_LogFile":
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = _LogFile(
            folder / f"{process}.log",
            when="midnight",
            utc=True,
            backupCount=keep_days,
            encoding="utf-8",
        )
    except OSError as error:
        raise Unavailable(
            f"{folder}: logs cannot be written there: {error.strerror}", code="logs.unwritable"
        ) from error
    file.setFormatter(JsonLines(process))
    return file


def _pass_on(logger: logging.Logger) -> None:
    """Let a library's records take our way instead of its own."""
    logger.handlers.clear()
    logger.propagate = True


class _LogFile(TimedRotatingFileHandler):
    """A log file that several processes may share.

    Its faults, such as a full disk, are told without a trace, and seldom.
    """

    _told = float("-inf")

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; where the file, or its whole folder, was deleted, it is made again."""
        if not Path(self.baseFilename).exists():
            try:
                self._make_again()
            except OSError:
                self.handleError(record)
        super().emit(record)

    def _make_again(self) -> None:
        path = Path(self.baseFilename)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)  # another process may just be putting it aside
            if not path.exists():
                if self.stream:
                    self.stream.close()
                self.stream = self._open()
        finally:
            os.close(folder)

    def doRollover(self) -> None:  # noqa: N802 - logging's
        """Put the file aside, or take the new one where another process has done that already."""
        folder = os.open(Path(self.baseFilename).parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            if self._is_current():
                super().doRollover()
            else:
                if self.stream:
                    self.stream.close()
                self.stream = self._open()
                self.rolloverAt = self.computeRollover(int(time.time()))
        finally:
            os.close(folder)

    def _is_current(self) -> bool:
        try:
            named = Path(self.baseFilename).stat()
        except FileNotFoundError:
            return False
        return self.stream is not None and os.path.samestat(named, os.fstat(self.stream.fileno()))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's
        """Say on stderr, at most once a second, that the file cannot be written."""
        now = time.monotonic()
        if now - self._told >= 1:
            self._told = now
            print(f"log not written: {self.baseFilename}: {sys.exc_info()[1]}", file=sys.stderr)  # noqa: T201

    def close(self) -> None:
        """Close the file, also where its last lines cannot be written."""
        with contextlib.suppress(OSError):  # told by handleError when they were logged
            super().close()


_MOST_TOLD_APART = 200


@dataclass
class _Repeated:
    """An identical fault: when it was last passed on, and how often it came since."""

    since: float
    count: int = 0


class OncePerSecond(logging.Handler):
    """Passes records on; of identical warnings and errors one a second, with their number.

    What was held back is told by the next record that comes after the second is over, or at the
    end: `repeated=41`. Of more different ones within a second than can be told apart, all pass.
    """

    def __init__(
        self,
        handlers: Iterable[logging.Handler],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._handlers = tuple(handlers)
        self._monotonic = monotonic
        self._seen: dict[tuple[str, int, str], tuple[logging.LogRecord, _Repeated]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on what is due: records held back whose second is over, then this one."""
        now = self._monotonic()
        for due in self._due(now):
            self._pass_on(due)
        if record.levelno >= logging.WARNING and self._is_repeated(record, now):
            return
        self._pass_on(record)

    def _is_repeated(self, record: logging.LogRecord, now: float) -> bool:
        """Whether it was passed on within this second; it is counted then, else remembered."""
        identity = _identity(record)
        if identity in self._seen:
            self._seen[identity][1].count += 1
            return True
        if len(self._seen) < _MOST_TOLD_APART:
            self._seen[identity] = (record, _Repeated(now))
        return False

    def close(self) -> None:
        """Tell what was held back, and close the files."""
        for due in self._due(float("inf")):
            self._pass_on(due)
        for handler in self._handlers:
            handler.close()
        super().close()

    def _due(self, now: float) -> Iterator[logging.LogRecord]:
        for identity, (record, repeated) in list(self._seen.items()):
            if now - repeated.since >= 1:
                del self._seen[identity]
                if repeated.count:
                    yield _summary(record, repeated.count)

    def _pass_on(self, record: logging.LogRecord) -> None:
        for handler in self._handlers:
            if record.levelno >= handler.level:
                handler.handle(record)


def _identity(record: logging.LogRecord) -> tuple[str, int, str]:
    fault = record.exc_info[1] if record.exc_info else None
    return record.name, record.levelno, f"{record.msg!r} {record.args!r} {fault!r}"


def _summary(record: logging.LogRecord, count: int) -> logging.LogRecord:
    """The record again, without its trace, with the number of times that it was held back."""
    fields = dict(record.msg) if isinstance(record.msg, dict) else {"event": record.getMessage()}
    fields.pop("exception", None)
    summary = logging.makeLogRecord(record.__dict__)
    summary.created = time.time()
    summary.exc_info = None
    summary.args = ()
    summary.__dict__["msg"] = fields | {"repeated": count}
    return summary
