"""The first hook before a commit."""

import subprocess
from pathlib import Path

import pytest

from backend.tests.check_syntax import PROJECT, faults, listed


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "def f(:\n"),
        ("a.py", "x = 1\n  y = 2\n"),
        ("a.py", "x = '\\d'\n"),
        ("a.py", "x = 1\0\n"),
        ("a.py", "# coding: none\n"),
        ("a.sh", "if true; then\n"),
        ("a", "#!/bin/sh\necho $(\n"),
    ],
)
def test_what_cannot_be_parsed_is_named(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    (line,) = faults([tmp_path / name])
    assert line.startswith(f"{tmp_path / name}:")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "import nothing_there\nraise SystemExit\n"),
        ("a.sh", "exit 3\n"),
        ("a.txt", "if then (("),
        ("a", "#!/usr/bin/env python3\nif then (("),
    ],
)
def test_what_can_be_parsed_is_not_run(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert faults([tmp_path / name]) == []


def test_new_files_count_and_ignored_and_removed_ones_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):  # set where a hook runs us
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".gitignore").write_text("*.log\n")
    for name in ("kept.py", "removed.py", "new name.sh", "noise.log"):
        (tmp_path / name).touch()
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "kept.py", "removed.py"], cwd=tmp_path, check=True)
    (tmp_path / "removed.py").unlink()
    assert [path.name for path in listed(tmp_path)] == [".gitignore", "kept.py", "new name.sh"]


def test_the_hook_is_this_file() -> None:
    hooks = (PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert "entry: .venv/bin/python backend/tests/check_syntax.py" in hooks
    assert (PROJECT / "backend/tests/check_syntax.py").is_file()
