"""The script that checks a database, run as its user runs it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, text

from backend.cli.words import NOTHING
from backend.core.database import get_database
from backend.tests.fixtures.database import WorkerDatabase
from backend.tests.fixtures.run import ROOT

pytestmark = pytest.mark.slow

SCRIPT = ROOT / "backend/tests/verify_database.py"


def verify(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it in a folder that is not the project's, with the environment as a shell has it."""
    left_out = {"PYTHONPATH", "DATABASE_URL"}
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k not in left_out} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=25,
    )


def changed(url: str, **parts: Any) -> str:
    return make_url(url).set(**parts).render_as_string(hide_password=False)


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+asyncpg"])
async def test_a_sound_one_passes(driver: str, isolated_db: str, tmp_path: Path) -> None:
    url = changed(isolated_db, drivername=driver)
    done = verify("--url", url, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["CHECK", "RESULT", "WHAT"]
    assert {tuple(line.split()[-2:]) for line in lines[1:-1]} == {("ok", NOTHING)}
    checks = len(lines) - 2
    assert checks > 15
    assert lines[-1].endswith(f": {checks} of {checks} checks passed")
    assert (make_url(url).password or "?") not in done.stdout
    assert str(make_url(url).database) in lines[-1]


async def test_the_setting_is_looked_at_and_what_is_broken_is_shown(
    isolated_db: str, tmp_path: Path
) -> None:
    async with get_database().transaction() as session:
        await session.execute(text("ALTER TABLE cameras DROP CONSTRAINT uq_cameras_slug"))
        await session.execute(text("DELETE FROM alembic_version"))
        await session.execute(
            text(
                "INSERT INTO cameras (slug, folder, name, created_at, lease_holder) "
                "SELECT n, n, n, 'epoch', 'x' FROM generate_series(1, 5) AS n"
            )
        )
    (tmp_path / ".env").write_text(f"DATABASE_URL={isolated_db}\n")
    done = verify(folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    wrong = [" ".join(line.split()) for line in done.stdout.splitlines() if " wrong " in line]
    assert wrong[0].startswith("the newest migration has been run 1 wrong it is at none")
    assert wrong[1].startswith("tables, constraints and indexes are those of the models 1 wrong ")
    assert wrong[1].endswith(" constraint uq_cameras_slug of cameras is missing")
    assert wrong[2:] == [
        "what must not be is refused 1 wrong two cameras with one slug",
        "a lease has a holder and an end 5 wrong camera 1; camera 2; camera 3; and 2 more",
    ]


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"database": "hsi_test_nowhere"}, '"hsi_test_nowhere" does not exist'),
        ({"username": "hsi_test_nobody", "password": "?"}, "hsi_test_nobody"),
        ({"host": "127.0.0.1", "port": 1}, "no database: "),
    ],
)
def test_what_cannot_be_reached_is_one_line(
    parts: dict[str, Any], reason: str, worker_database: WorkerDatabase, tmp_path: Path
) -> None:
    done = verify("--url", changed(worker_database.url, **parts), folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    _, line, summary = done.stdout.splitlines()
    assert " ".join(line.split()).startswith("the database answers not checked ")
    assert reason in line
    assert summary.endswith(": 0 of 1 checks passed")


@pytest.mark.parametrize("url", ["", "sqlite:///x", "no url"])
def test_no_database_at_all_is_said(url: str, tmp_path: Path) -> None:
    done = verify("--url", url, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("verify_database: ")
    assert len(done.stderr.splitlines()) == 1
