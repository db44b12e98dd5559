"""`hsi logs`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from backend.cli import app
from backend.core.errors import NotFound
from backend.core.log_lines import json_line


def test_the_last_lines_are_shown_readably(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "worker.log").write_text(
        "".join(
            json_line(
                {"time": f"2026-01-02T03:04:0{n}.000+00:00", "level": "INFO", "event": f"e{n}"}
            )
            + "\n"
            for n in range(5)
        )
    )
    done = CliRunner().invoke(app, ["logs", "--data", str(tmp_path), "-n", "2"])
    assert done.exit_code == 0
    shown = done.output.splitlines()
    assert [one.rpartition(" ")[2] for one in shown] == ["e3", "e4"]


@pytest.mark.parametrize("arguments", [[], ["--process", "other"]])
def test_no_logs_are_said_to_be_none(arguments: list[str], tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such logs"):
        CliRunner().invoke(
            app, ["logs", "--data", str(tmp_path), *arguments], catch_exceptions=False
        )
