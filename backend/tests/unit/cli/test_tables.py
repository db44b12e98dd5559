"""Tables, in a pipe and in a terminal."""

import contextlib
import os
import pty
import re
import sys
import termios
from collections.abc import Callable

import pytest

from backend.cli.tables import Column, Word, show_fields, show_line, show_table

COLUMNS = (Column("ID", whole=True, right=True), Column("LEVEL", whole=True), Column("WHAT"))
LONG = "a person at the door " * 20
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def in_a_terminal(show: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> str:
    """What is shown on a terminal of 80 columns."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with os.fdopen(theirs, "w") as terminal, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", terminal)
        # Rich asks the standard streams for the width, the test's own ones too.
        patch.setenv("COLUMNS", "80")
        show()
    shown = b""
    with os.fdopen(ours, "rb", 0) as reader, contextlib.suppress(OSError):
        while more := reader.read(65_536):  # raises at the end
            shown += more
    return shown.decode().replace("\r\n", "\n")


def test_in_a_pipe_nothing_is_cut_wrapped_or_coloured(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(COLUMNS, [(1, Word("high", " 70"), LONG.strip()), (22, Word("low", " 5"), None)])
    assert capsys.readouterr().out.splitlines() == [
        "ID  LEVEL    WHAT",
        f" 1  high 70  {LONG.strip()}",
        "22  low 5    -",
    ]


def test_a_terminal_is_not_overrun_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "20260301T170610_14_driveway_vehicle_night_and_a_very_long_name_without_any_space.jpg"
    shown = in_a_terminal(
        lambda: show_table(COLUMNS, [(1, Word("critical", " 100"), name)]), monkeypatch
    )
    lines = ESCAPES.sub("", shown).splitlines()
    assert max(map(len, lines)) <= 80
    assert "".join(line[18:].strip() for line in lines[1:]) == name
    assert lines[1].startswith(" 1  critical 100  ")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a" * 9, "a" * 9),
        ("a" * 10, "aaaa…aaaa"),
        ("0123456789" * 25 + ".jpg", "0123….jpg"),
        ("ab\x1bcdefghijkl", r"ab\x…ijkl"),
    ],
)
def test_a_long_name_is_shortened_in_its_middle(
    name: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show_table((Column("FILE", most=9), Column("STATE")), [(name, "empty"), ("b", "empty")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"{shown:<9}  empty"
    assert {len(line) for line in lines} == {16}


def test_a_level_has_a_colour_beside_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = in_a_terminal(lambda: show_line(Word("high", " 70"), "door"), monkeypatch)
    assert ESCAPES.search(shown)
    assert ESCAPES.sub("", shown) == "high 70  door\n"


@pytest.mark.parametrize("text", ["[red]x[/red]", "[/]", ":smile:", "https://x 12 'a'"])
def test_markup_is_data(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_line(text)
    show_table([Column("WHAT")], [(text,)])
    show_fields({"what": text})
    assert capsys.readouterr().out == f"{text}\nWHAT\n{text}\n  what  {text}\n"


@pytest.mark.parametrize(
    ("text", "shown"), [("a\x1b[2J", r"a\x1b[2J"), ("a\nb", r"a\nb"), ("a\u202eb", r"a\u202eb")]
)
def test_what_could_trick_a_terminal_is_escaped(
    text: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show_line(text)
    show_table([Column("WHAT")], [(text,)])
    show_fields({"what": text, "level": Word(text)})
    assert (
        capsys.readouterr().out == f"{shown}\nWHAT\n{shown}\n  what   {shown}\n  level  {shown}\n"
    )


def test_a_field_without_a_value_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    show_fields({"state": "open", "notes": None, "frames": 0})
    assert capsys.readouterr().out == "  state   open\n  frames  0\n"


def test_wide_characters_keep_the_columns(capsys: pytest.CaptureFixture[str]) -> None:
    show_table([Column("NAME"), Column("ID")], [("玄関", 1), ("a", 2)])
    assert capsys.readouterr().out == "NAME  ID\n玄関  1\na     2\n"
