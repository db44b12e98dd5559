"""`hsi status`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from backend.api.schemas.health import SystemHealth
from backend.cli import app
from backend.cli.status import EXIT_STATUS, health_of, show
from backend.core.errors import Unavailable
from backend.tests.fixtures.scripted_api import ADDRESS, ScriptedApi, example


def test_each_part_says_how_it_is_since_when_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    health = example(SystemHealth)
    show(health, ADDRESS)
    first, _, *rung, _, titles, part = capsys.readouterr().out.splitlines()
    assert first.startswith("degraded: It works, but something needs a look:")
    assert ADDRESS in first
    assert rung[0].startswith("No worker is at work (2026-03-01 ")
    assert [line.split(":")[0] for line in rung[1:]] == ["  works", "  waits", "  do"]
    assert titles.split() == ["PART", "STATE", "SINCE", "WHY"]
    assert part.startswith("workers  degraded  2026-03-01 ")
    assert part.endswith(health["parts"][0]["reason"])


def test_what_was_only_seen_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    health = example(SystemHealth)
    health["parts"][0]["since_known"] = False
    show(health, ADDRESS)
    assert "  first seen 2026-03-01 " in capsys.readouterr().out


def test_on_no_rung_there_is_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    health = example(SystemHealth) | {"rungs": []}
    show(health, ADDRESS)
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_each_state_has_its_exit_status() -> None:
    assert EXIT_STATUS == {"healthy": 0, "degraded": 1, "unhealthy": 2}


def test_another_answer_is_not_ours() -> None:
    api = ScriptedApi({"GET /api/system/health": [{"status": "up"}]})
    with api.client() as opened, pytest.raises(Unavailable, match="is not hsi"):
        health_of(opened)


def test_where_nothing_runs_the_status_is_2(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["status", "--data", str(tmp_path)])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("hsi: nothing runs with the data folder")
