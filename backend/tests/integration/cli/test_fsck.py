"""`hsi fsck` as an owner types it: beside a running worker, and where nothing runs."""

import asyncio
import contextlib
import io
import json
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from backend.cli import main
from backend.cli.fsck import _progress
from backend.core.config import get_settings
from backend.core.database import Database
from backend.local.attached import attached
from backend.local.data_folder import DataFolder
from backend.local.postgres import EmbeddedPostgres
from backend.local.process import holders
from backend.local.valkey import EmbeddedValkey
from backend.migrations.run import upgrade
from backend.tests.fixtures.product import PROJECT, Drop, Product, a_while_ago

pytestmark = pytest.mark.slow

KEPT = PROJECT / "backend" / "tests" / "fixtures" / "images" / "pipeline_test"


def run(*arguments: str) -> tuple[object, str, str]:
    """The status, what it prints, and what it says on stderr."""
    get_settings.cache_clear()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as errors,
    ):
        patch.setattr(sys, "argv", ["hsi", "fsck", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
    return end.value.code, out.getvalue(), errors.getvalue()


@pytest.fixture
async def worked(product: Product, monkeypatch: pytest.MonkeyPatch) -> Product:
    """A product whose worker has taken in two pictures, and runs."""
    product.media_root.mkdir()
    for key in ("DATABASE_URL", "REDIS_URL", "REDIS__PREFIX"):
        monkeypatch.setenv(key, product.environment[key])
    names = ["01_front_door_empty_day.jpg", "03_front_door_person_day.jpg"]
    product.drop(
        Drop((KEPT / name).read_bytes(), "Front Door", name, a_while_ago()) for name in names
    )
    product.start_worker()
    await product.final(2)
    return product


async def test_it_looks_and_mends_beside_a_running_worker(worked: Product) -> None:
    status, out, _ = await asyncio.to_thread(run)
    assert (status, out.splitlines()[-1]) == (0, "All is well.")
    pictures = worked.media_root.parent / "pictures"
    copy = next(path for path in pictures.glob("??/*"))
    copy.unlink()
    status, out, _ = await asyncio.to_thread(run, "--json")
    (wrong,) = [one for one in json.loads(out) if one["wrong"]]
    assert (status, wrong["name"]) == (1, "every frame has its picture's copy")
    status, out, _ = await asyncio.to_thread(run, "--repair", "--thorough")
    assert (status, out.splitlines()[-1]) == (0, "All is well: 1 mended.")
    assert copy.stat().st_mode & 0o077 == 0
    assert "copy made again" in (pictures.parent / "logs" / "fsck.log").read_text()


def test_without_a_database_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    status, out, said = run("--data", str(tmp_path / "nothing"))
    assert (status, out) == (2, "")
    assert "there is no database in" in said
    assert not (tmp_path / "nothing").exists()


def test_where_nothing_runs_it_starts_the_servers_and_ends_them(server_folder: Path) -> None:
    with DataFolder(server_folder) as data:
        data.take()
        server = EmbeddedPostgres(server_folder / "postgres", durable=False)
        upgrade(server.start())
        server.stop()
    status, out, said = run("--data", str(server_folder))
    assert (status, out.splitlines()[-1]) == (0, "All is well."), said
    assert holders(server_folder / "postgres" / "data", ["postgres"]) == []
    assert not (server_folder / "lock").exists()


async def test_where_it_runs_its_servers_are_used(server_folder: Path) -> None:
    with DataFolder(server_folder) as data:
        data.take()
        servers = (
            EmbeddedPostgres(server_folder / "postgres", durable=False),
            EmbeddedValkey(server_folder / "valkey", durable=False),
        )
        for server in servers:
            server.start()
        try:
            with attached(server_folder, None, None, command="hsi fsck") as urls:
                assert urls == tuple(server.url for server in servers)
                database = Database(urls[0], connections=1)
                async with database.transaction() as session:
                    assert await session.scalar(text("SELECT 1")) == 1
                await database.close()
            with attached(server_folder, "given", None, command="hsi fsck") as urls:
                assert urls == ("given", servers[1].url)
        finally:
            for server in servers:
                server.stop()


def test_what_is_given_is_taken(tmp_path: Path) -> None:
    with attached(tmp_path, "database", "redis", command="hsi fsck") as urls:
        assert urls == ("database", "redis")


def test_progress_is_told_to_nobody_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with _progress() as tell:
        tell("pictures", 1, 2)
        tell("pictures", 2, 2)
    assert capsys.readouterr() == ("", "")
