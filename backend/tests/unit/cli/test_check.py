"""`hsi check`."""

from pathlib import Path

import pytest
import typer

from backend.cli import check as command
from backend.cli.check import output_of_failure, shell_scripts, steps
from backend.cli.project import project_root


def test_a_program_that_succeeds_says_nothing(tmp_path: Path) -> None:
    assert output_of_failure(tmp_path, "echo", "words") == ""


def test_a_program_that_fails_is_quoted(tmp_path: Path) -> None:
    assert output_of_failure(tmp_path, "sh", "-c", "echo words; exit 3") == "words\n"
    assert output_of_failure(tmp_path, "sh", "-c", "exit 3") == "sh: status 3"


def test_a_program_that_is_missing_is_said(tmp_path: Path) -> None:
    assert "is not installed" in output_of_failure(tmp_path, "no-such-program")


def test_shell_scripts_are_known_by_their_first_line(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("#!/bin/sh\ntrue\n")
    (tmp_path / "two.sh").write_text("#!/usr/bin/env sh\nif\n")
    (tmp_path / "three.py").write_text("print()\n")
    assert shell_scripts(tmp_path) == [tmp_path / "one", tmp_path / "two.sh"]
    assert "two.sh" in steps()["shell scripts"](tmp_path)


def test_the_projects_own_scripts_are_among_them() -> None:
    names = {path.name for path in shell_scripts(project_root())}
    assert {"setup.sh", "run"} <= names


@pytest.mark.parametrize(("wrong", "status"), [("", 0), ("line 3 is wrong", 1)])
def test_each_step_is_a_line_and_one_failure_fails_all(
    wrong: str, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "steps", lambda: {"first": lambda _: wrong, "last": lambda _: ""})
    with pytest.raises(typer.Exit) as caught:
        command.check()
    assert caught.value.exit_code == status
    lines = capsys.readouterr().out.splitlines()
    assert lines == (["first: failed", wrong, "last: ok"] if wrong else ["first: ok", "last: ok"])
