"""What a log line holds: no secrets, never more than one line."""

import json
import logging
import sys

import pytest
from hypothesis import given

from backend.core.log_lines import entry_of, json_line, parse_line, printable, readable, redact
from backend.tests.fixtures.strategies import awkward_texts, log_fields, passwords


def record(message: object, *args: object, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("some.logger", level, __file__, 1, message, args, None)


@pytest.mark.parametrize(
    "text",
    [
        "cannot reach postgresql+asyncpg://security:canary@localhost/security",
        "redis://:canary@127.0.0.1:6379/0 refused",
        "rtsp://admin:canary@10.0.0.5:554/stream: timeout",
        "rtsp://admin:can@canary@10.0.0.5/stream",
        "https://host/path?token=canary&x=1",
        "Authorization: Bearer canary",
        "password='canary'",
        '{"redis_password": "canary"}',
        "API_KEY=canary",
        "password=a,canary",
        "password=a;canary&canary)canary next",
        'password: "a canary", user: me',
        "redis://:a\x1ccanary@127.0.0.1:6379/0",
    ],
)
def test_secrets_are_taken_out_of_texts(text: str) -> None:
    redacted = redact(text)
    assert isinstance(redacted, str)
    assert "canary" not in redacted
    assert "***" in redacted


@pytest.mark.parametrize("name", ["password", "DB_PASSWORD", "token", "Cookie", "api_key"])
def test_secrets_are_taken_out_of_fields_however_deep(name: str) -> None:
    assert redact({"outer": [{name: "canary"}]}) == {"outer": [{name: "***"}]}


@pytest.mark.parametrize(
    "text", ["camera front_door: 3 frames", "http://127.0.0.1:8000/docs", "2 passed", "mail a@b.c"]
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_numbers_stay_numbers_and_objects_become_text() -> None:
    assert redact({"n": 3, "x": 0.5, "b": True, "e": ValueError("why")}) == {
        "n": 3,
        "x": 0.5,
        "b": True,
        "e": "why",
    }


def test_an_entry_of_a_library_has_its_message() -> None:
    entry = entry_of(record("%s connected", "client"), "api")
    assert list(entry)[:5] == ["time", "level", "process", "logger", "event"]
    assert entry["event"] == "client connected"
    assert (entry["level"], entry["process"], entry["logger"]) == ("INFO", "api", "some.logger")


def test_an_entry_of_ours_has_its_fields() -> None:
    entry = entry_of(record({"event": "frame kept", "camera": "front_door"}), "worker")
    assert (entry["event"], entry["camera"]) == ("frame kept", "front_door")


def test_a_field_cannot_take_the_place_of_level_or_time() -> None:
    entry = entry_of(record({"event": "x", "level": "fake", "time": "fake"}), "worker")
    assert entry["level"] == "INFO"
    assert entry["time"] != "fake"


def test_a_trace_is_kept_without_its_secrets() -> None:
    failed = record("failed", level=logging.ERROR)
    try:
        int("redis://:canary@localhost")
    except ValueError:
        failed.exc_info = sys.exc_info()
    trace = str(entry_of(failed, "worker")["exception"])
    assert "ValueError" in trace
    assert "canary" not in trace


@given(awkward_texts)
def test_no_value_breaks_a_line(text: str) -> None:
    line = json_line(entry_of(record({"event": "came", "name": text, "other": 1}), "worker"))
    assert line.isascii()
    assert line.isprintable()
    parsed = parse_line(line)
    assert parsed is not None
    assert parsed["other"] == 1
    assert len(readable(parsed).splitlines()) == 1


@given(log_fields)
def test_what_is_written_is_read_again(fields: dict[str, object]) -> None:
    entry = fields | {"time": "t", "event": "e"}
    line = json_line(entry)
    assert line.isascii()
    assert line.isprintable()
    assert parse_line(line) == entry


@given(awkward_texts)
def test_what_is_not_ours_is_an_entry_or_none(line: str) -> None:
    entry = parse_line(line)
    assert entry is None or {"event", "time"} <= entry.keys()


@given(awkward_texts)
def test_what_is_printable_stays_so(text: str) -> None:
    shown = printable(text)
    assert len(f"{shown}.".splitlines()) == 1
    assert printable(shown) == shown


@given(passwords)
def test_no_password_is_written(secret: str) -> None:
    for text in (f"redis://:{secret}@h:6379/0", f"password={secret} next", f"token: {secret}"):
        assert secret not in str(redact(text))
    assert redact({"outer": [{"api_key": secret}]}) == {"outer": [{"api_key": "***"}]}


@pytest.mark.parametrize(
    "char", ["\n", "\r", "\x1b", "\x00", "\x85", "\u2028", "\u2029", "\u202e", "\u200f", "\x9b"]
)
def test_what_could_trick_a_terminal_is_escaped(char: str) -> None:
    assert printable(f"a{char}b") == "a" + char.encode("unicode_escape").decode() + "b"


def test_letters_of_any_language_are_left_alone() -> None:
    assert printable("Grüße 门口 é") == "Grüße 门口 é"


@pytest.mark.parametrize("line", ["", "plain text", "[1]", "{}", '{"event": 1}', '{"time"'])
def test_a_line_that_is_not_ours_is_no_entry(line: str) -> None:
    assert parse_line(line) is None


def test_readable_shows_fields_and_the_trace_on_lines_of_their_own() -> None:
    entry = {
        "time": "2026-01-02T03:04:05.678+00:00",
        "level": "ERROR",
        "process": "worker",
        "event": "failed",
        "camera": "front door",
        "n": 3,
        "exception": "Trace\nValueError: x",
    }
    lines = readable(entry).splitlines()
    assert lines[0].endswith('ERROR   worker: failed  camera="front door" n=3')
    assert lines[1:] == ["    Trace", "    ValueError: x"]


def test_readable_takes_a_time_that_is_none() -> None:
    assert readable({"time": "", "level": "", "process": "postgresql", "event": "up"}).endswith(
        "postgresql: up"
    )


def test_a_line_is_json() -> None:
    assert json.loads(json_line({"time": "t", "event": "e"})) == {"time": "t", "event": "e"}
