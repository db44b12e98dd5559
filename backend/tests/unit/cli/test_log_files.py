"""Log files read from their end, and followed."""

import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.cli import log_files
from backend.cli.log_files import (
    Followed,
    entry_of_line,
    is_at_least,
    last_entries,
    lines_backwards,
    processes,
)
from backend.core.log_lines import json_line


def line(second: int, event: str, level: str = "INFO") -> str:
    time = f"2026-01-02T03:04:{second:02}.000+00:00"
    return json_line({"time": time, "level": level, "process": "p", "event": event}) + "\n"


def events(entries: list[dict[str, object]]) -> list[object]:
    return [entry["event"] for entry in entries]


@pytest.mark.parametrize("count", [0, 1, 3, 20_000])
def test_lines_come_the_last_first(count: int, tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    lines = [f"line {number} é" for number in range(count)]
    path.write_text("".join(f"{one}\n" for one in lines))
    assert list(lines_backwards(path)) == lines[::-1]


def test_a_last_line_without_its_end_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_text("a\nb")
    assert list(lines_backwards(tmp_path / "x.log")) == ["b", "a"]


@given(st.binary(max_size=40) | st.text("ab\n", max_size=40).map(str.encode), st.integers(1, 50))
def test_the_size_of_a_read_does_not_show(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, block: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.log"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_files, "_BLOCK", block)
        found = list(lines_backwards(path))
    assert found == [line.decode(errors="replace") for line in data.split(b"\n")[::-1] if line]


def test_processes_are_merged_by_time(tmp_path: Path) -> None:
    (tmp_path / "api.log").write_text(line(1, "a") + line(4, "d"))
    (tmp_path / "worker.log").write_text(line(2, "b") + line(3, "c"))
    assert processes(tmp_path) == ["api", "worker"]
    assert events(last_entries(tmp_path, ["api", "worker"], logging.INFO, 3)) == ["b", "c", "d"]
    assert events(last_entries(tmp_path, ["api"], logging.INFO, 50)) == ["a", "d"]
    assert last_entries(tmp_path, ["api"], logging.INFO, 0) == []


def test_files_of_former_days_are_read_where_today_has_too_few(tmp_path: Path) -> None:
    (tmp_path / "api.log.2026-01-01").write_text(line(1, "older"))
    (tmp_path / "api.log.2026-01-02").write_text(line(2, "old"))
    (tmp_path / "api.log").write_text(line(3, "new"))
    assert events(last_entries(tmp_path, ["api"], logging.INFO, 2)) == ["old", "new"]
    assert len(last_entries(tmp_path, ["api"], logging.INFO, 9)) == 3


def test_only_what_is_serious_enough_counts(tmp_path: Path) -> None:
    (tmp_path / "api.log").write_text(
        line(1, "w", "WARNING") + line(2, "i") + line(3, "e", "ERROR") + line(4, "d", "DEBUG")
    )
    assert events(last_entries(tmp_path, ["api"], logging.WARNING, 2)) == ["w", "e"]


def test_a_line_of_another_program_is_shown_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "postgresql.log"
    path.write_text("LOG:  ready\n")
    os.utime(path, (0, 0))
    entry = entry_of_line("LOG:  ready\n", "postgresql", path)
    assert entry == {
        "time": "1970-01-01T00:00:00.000+00:00",
        "level": "",
        "process": "postgresql",
        "event": "LOG:  ready",
    }
    assert is_at_least(entry, logging.INFO)
    assert not is_at_least(entry, logging.WARNING)


def test_what_is_written_from_now_on_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "api.log"
    path.write_text(line(1, "before"))
    followed = Followed(tmp_path, "api")
    assert followed.new_entries() == []
    with path.open("a") as file:
        file.write(line(2, "after") + line(3, "half")[:10])
        file.flush()
        assert events(followed.new_entries()) == ["after"]
        file.write(line(3, "half")[10:])
    assert events(followed.new_entries()) == ["half"]
    followed.close()


def test_the_change_at_midnight_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "api.log"
    path.write_text("")
    followed = Followed(tmp_path, "api")
    path.write_text(line(1, "last of the day"))
    path.rename(tmp_path / "api.log.2026-01-01")
    path.write_text(line(2, "first of the day"))
    assert events(followed.new_entries()) == ["last of the day", "first of the day"]
    followed.close()


def test_a_file_that_comes_later_is_read_from_its_start(tmp_path: Path) -> None:
    followed = Followed(tmp_path, "api")
    assert followed.new_entries() == []
    (tmp_path / "api.log").write_text(line(1, "first"))
    assert events(followed.new_entries()) == ["first"]
    followed.close()
