"""The real process: `python -m backend.worker`, and how it is known to have started."""

import asyncio
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import httpx
import pytest

from backend.tests.fixtures.ledger import Ledger
from backend.tests.fixtures.product import PROJECT, Product, until
from backend.tests.fixtures.waiting import wait_for

pytestmark = pytest.mark.slow


def start(product: Product, ready: Path, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "backend.worker", "--ready", str(ready)],
        cwd=PROJECT,
        env={**product.environment, **settings},
        stderr=subprocess.PIPE,
        text=True,
    )


async def test_it_makes_a_file_once_it_has_started(product: Product, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    with start(product, ready) as worker:
        try:
            wait_for(ready.exists, seconds=20, what="the worker's start")
            assert worker.poll() is None
        finally:
            worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=15)
    assert worker.returncode == 0


@pytest.mark.parametrize(
    ("command", "said_by"), [("backend.worker", "hsi worker"), ("backend.main", "hsi api")]
)
async def test_a_newer_schema_is_refused_in_one_line_and_left_alone(
    product: Product, ledger: Ledger, command: str, said_by: str
) -> None:
    (row,) = await ledger.rows("SELECT version_num FROM alembic_version")
    await ledger.change("UPDATE alembic_version SET version_num = '9999'")
    try:
        ended = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", command],
            cwd=PROJECT,
            env=product.environment,
            stderr=subprocess.PIPE,
            text=True,
            timeout=20,
            check=False,
        )
        assert await ledger.rows("SELECT version_num FROM alembic_version") == [
            {"version_num": "9999"}
        ]
    finally:
        await ledger.change("UPDATE alembic_version SET version_num = :was", was=row["version_num"])
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"{said_by}: the database has schema 9999, which is newer")
    assert ended.stderr.count("\n") == 1


async def test_a_schema_that_becomes_newer_ends_the_work_and_is_said(
    product: Product, ledger: Ledger, tmp_path: Path
) -> None:
    """As of a database that was away at the start, or is restored, or migrated by another."""
    (row,) = await ledger.rows("SELECT version_num FROM alembic_version")
    ready = tmp_path / "ready"
    with start(product, ready) as worker:
        wait_for(ready.exists, seconds=20, what="the worker's start")
        address = await product.start_api()
        try:
            async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
                assert (await client.get("/api/events")).status_code == 200
                await ledger.change("UPDATE alembic_version SET version_num = '9999'")
                _, said = await asyncio.to_thread(worker.communicate, timeout=20)
                await until(partial(answers, client, 503), "the API to refuse", seconds=20)
                refusal = (await client.get("/api/events")).json()
                report = (await client.get("/api/system/health")).json()
                await put_back(ledger, row["version_num"])
                await until(partial(answers, client, 200), "the API to work again", seconds=20)
        finally:
            await put_back(ledger, row["version_num"])
    assert worker.returncode == 1
    last = said.splitlines()[-1]
    assert last.startswith("hsi worker: the database has schema 9999, which is newer")
    assert refusal["code"] == "database.newer_schema"
    parts = {part["name"]: part for part in report["parts"]}
    assert (report["ready"], parts["database"]["rung"]) == (False, "schema")


async def put_back(ledger: Ledger, version: str) -> None:
    await ledger.change("UPDATE alembic_version SET version_num = :was", was=version)


async def answers(client: httpx.AsyncClient, status: int) -> bool:
    return (await client.get("/api/events")).status_code == status


async def test_with_a_broken_model_it_does_not(product: Product, tmp_path: Path) -> None:
    model, ready = tmp_path / "model.onnx", tmp_path / "ready"
    model.write_text("no model")
    with start(product, ready, DETECTOR__MODEL=str(model)) as worker:
        _, said = worker.communicate(timeout=20)
    assert worker.returncode == 1
    assert said.startswith(f"hsi worker: the model file {model} cannot be loaded: ")
    assert said.count("\n") == 1
    assert not ready.exists()
