"""Where log records go."""

import json
import logging
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from backend.core.errors import Unavailable
from backend.core.logging import OncePerSecond, _log_file, close_logging, configure_logging


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    yield
    close_logging()
    root.setLevel(level)
    structlog.reset_defaults()


def entries(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


class Kept(logging.Handler):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class Hand:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def fault(message: str = "no answer", level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("x", level, __file__, 1, message, (), None)


def test_structlog_and_libraries_write_the_same_file(tmp_path: Path) -> None:
    configure_logging("worker", tmp_path / "logs", level="INFO", keep_days=7)
    structlog.get_logger("ours").info("frame kept", camera="front_door")
    logging.getLogger("uvicorn.error").info("started on %s", 8000)
    close_logging()

    ours, theirs = entries(tmp_path / "logs" / "worker.log")
    assert (ours["event"], ours["camera"], ours["logger"]) == ("frame kept", "front_door", "ours")
    assert (theirs["event"], theirs["logger"]) == ("started on 8000", "uvicorn.error")


def test_only_warnings_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("worker", tmp_path, level="INFO", keep_days=7)
    logger = structlog.get_logger("ours")
    logger.info("quiet")
    logger.warning("loud", url="redis://:canary@localhost")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "quiet" not in captured.err
    assert "WARNING worker: loud" in captured.err
    assert "canary" not in captured.err


def test_at_debug_the_terminal_shows_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("worker", tmp_path, level="DEBUG", keep_days=7)
    logging.getLogger("ours").debug("detail")
    assert "detail" in capsys.readouterr().err


def test_what_is_below_the_level_is_not_written(tmp_path: Path) -> None:
    configure_logging("worker", tmp_path, level="ERROR", keep_days=7)
    structlog.get_logger("ours").warning("no")
    logging.getLogger("sqlalchemy.engine").warning("no")
    structlog.get_logger("ours").error("yes")
    close_logging()
    assert [entry["event"] for entry in entries(tmp_path / "worker.log")] == ["yes"]


def test_statements_and_requests_are_not_told_one_by_one(tmp_path: Path) -> None:
    configure_logging("api", tmp_path, level="INFO", keep_days=7)
    logging.getLogger("sqlalchemy.engine.Engine").info("SELECT 1")
    logging.getLogger("uvicorn.access").info("GET /")
    close_logging()
    assert entries(tmp_path / "api.log") == []


def test_an_exception_is_written_with_its_trace(tmp_path: Path) -> None:
    configure_logging("worker", tmp_path, level="INFO", keep_days=7)
    try:
        list[int]().pop()
    except IndexError:
        structlog.get_logger("ours").exception("stage failed")
        logging.getLogger("theirs").exception("also failed")
    close_logging()
    traces = [str(entry["exception"]) for entry in entries(tmp_path / "worker.log")]
    assert len(traces) == 2
    assert all("IndexError: pop from empty list" in trace for trace in traces)


def test_a_second_call_replaces_the_first(tmp_path: Path) -> None:
    configure_logging("one", tmp_path, level="INFO", keep_days=7)
    configure_logging("two", tmp_path, level="INFO", keep_days=7)
    structlog.get_logger("ours").info("hello")
    close_logging()
    assert entries(tmp_path / "one.log") == []
    assert len(entries(tmp_path / "two.log")) == 1


def test_the_file_of_yesterday_is_put_aside_and_old_ones_go(tmp_path: Path) -> None:
    for day in range(1, 6):
        (tmp_path / f"worker.log.2020-01-0{day}").write_text("")
    current = tmp_path / "worker.log"
    current.write_text('{"event":"old"}\n')
    yesterday = time.time() - 86_400
    os.utime(current, (yesterday, yesterday))

    configure_logging("worker", tmp_path, level="INFO", keep_days=3)
    structlog.get_logger("ours").info("new")
    close_logging()

    assert [entry["event"] for entry in entries(current)] == ["new"]
    aside = sorted(tmp_path.glob("worker.log.*"))
    assert len(aside) == 3
    assert entries(aside[-1]) == [{"event": "old"}]


def test_two_processes_that_share_a_file_lose_nothing_at_midnight(tmp_path: Path) -> None:
    current = tmp_path / "worker.log"
    both = [_log_file("worker", tmp_path, keep_days=3) for _ in range(2)]
    for file in both:
        file.emit(fault("before"))
        file.rolloverAt = 0
    for file in both:
        file.emit(fault("after"))
        file.close()
    (aside,) = tmp_path.glob("worker.log.*")
    assert [entry["event"] for entry in entries(aside)] == ["before", "before"]
    assert [entry["event"] for entry in entries(current)] == ["after", "after"]


def test_a_log_file_that_was_deleted_is_begun_anew_at_midnight(tmp_path: Path) -> None:
    file = _log_file("worker", tmp_path, keep_days=3)
    (tmp_path / "worker.log").unlink()
    file.rolloverAt = 0
    file.emit(fault("after"))
    file.close()
    assert [entry["event"] for entry in entries(tmp_path / "worker.log")] == ["after"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(Unavailable, match="logs cannot be written there") as caught:
        configure_logging("worker", tmp_path / "logs", level="INFO", keep_days=7)
    assert caught.value.code == "logs.unwritable"


def test_a_file_that_cannot_be_written_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "worker.log").symlink_to("/dev/full")
    configure_logging("worker", tmp_path, level="INFO", keep_days=7)
    for number in range(5):
        logging.getLogger("ours").info("line %d", number)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "log not written" in lines[0]
    assert "No space left" in lines[0]
    close_logging()


def test_identical_faults_pass_once_a_second_with_their_number() -> None:
    kept, clock = Kept(), Hand()
    gate = OncePerSecond([kept], monotonic=clock)
    for _ in range(42):
        gate.handle(fault())
    assert len(kept.records) == 1

    clock.now = 1.0
    gate.handle(fault("another"))

    summary = kept.records[1]
    assert summary.msg == {"event": "no answer", "repeated": 41}
    assert kept.records[2].getMessage() == "another"


def test_what_was_held_back_is_told_at_the_end() -> None:
    kept = Kept()
    gate = OncePerSecond([kept], monotonic=Hand())
    gate.handle(fault())
    gate.handle(fault())
    gate.close()
    assert [getattr(record, "msg", None) for record in kept.records] == [
        "no answer",
        {"event": "no answer", "repeated": 1},
    ]


def test_of_more_faults_than_can_be_told_apart_all_pass() -> None:
    kept, hand = Kept(), Hand()
    gate = OncePerSecond([kept], monotonic=hand)
    for _ in range(2):
        for number in range(220):
            gate.handle(fault(f"fault {number}"))
    assert len(gate._seen) == 200
    assert len(kept.records) == 240
    hand.now = 1.0
    gate.handle(fault("later"))
    assert len(gate._seen) == 1


def test_different_faults_and_plain_information_all_pass() -> None:
    kept = Kept()
    gate = OncePerSecond([kept], monotonic=Hand())
    for record in (fault("a"), fault("b"), fault("a", logging.ERROR)):
        gate.handle(record)
    for _ in range(2):
        gate.handle(fault("same", logging.INFO))
    assert len(kept.records) == 5


def test_a_deleted_folder_of_logs_is_made_again(tmp_path: Path) -> None:
    configure_logging("worker", tmp_path / "logs", level="INFO", keep_days=7)
    log = structlog.get_logger("ours")
    log.info("before")
    shutil.rmtree(tmp_path / "logs")
    log.info("after")
    log.info("and on")
    close_logging()
    assert [e["event"] for e in entries(tmp_path / "logs" / "worker.log")] == ["after", "and on"]


def test_a_folder_of_logs_that_cannot_be_made_again_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("worker", tmp_path / "logs", level="INFO", keep_days=7)
    log = structlog.get_logger("ours")
    shutil.rmtree(tmp_path / "logs")
    (tmp_path / "logs").write_text("a file is in the way")
    for _ in range(3):
        log.info("lost")
    assert capsys.readouterr().err.count("log not written") == 1
