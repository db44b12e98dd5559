"""The real process: `python -m backend.worker`, and how it is known to have started."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import pytest
import typer

from backend.cli.status import status
from backend.core.redis import RedisClient
from backend.services.detection.models.folder import Manifest, ModelFolder
from backend.services.detection.models.taking import copy_in, take_part
from backend.services.upkeep.heartbeat import heard
from backend.services.upkeep.part_findings import look_at_detectors
from backend.tests.fixtures.ledger import Ledger
from backend.tests.fixtures.model_server import model_server
from backend.tests.fixtures.onnx_models import no_queries, write_model
from backend.tests.fixtures.product import PROJECT, Product, client_at, until
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


def files_mapped_by(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")


@pytest.mark.parametrize("urls", ["", "http://127.0.0.1:1"])
async def test_only_where_a_service_is_to_be_asked_an_http_client_is_loaded(
    product: Product, tmp_path: Path, urls: str
) -> None:
    ready = tmp_path / "ready"
    with start(product, ready, **({"DETECTOR__URLS": urls} if urls else {})) as worker:
        wait_for(ready.exists, seconds=20, what="the worker's start")
        loaded = files_mapped_by(worker.pid)
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=15)
    assert ("/aiohttp/" in loaded) == bool(urls)


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


@pytest.fixture
async def version(ledger: Ledger) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """Lets the database say that it is at another migration; in the end it is where it was."""
    (row,) = await ledger.rows("SELECT version_num FROM alembic_version")

    async def be_at(stamp: str) -> None:
        was = stamp or row["version_num"]
        await ledger.change("UPDATE alembic_version SET version_num = :was", was=was)

    yield be_at
    await be_at("")


async def test_a_schema_that_becomes_newer_ends_a_worker(
    product: Product, version: Callable[[str], Awaitable[None]], tmp_path: Path
) -> None:
    """As of a database that was away at the start, or is restored, or migrated by another."""
    ready = tmp_path / "ready"
    with start(product, ready) as worker:
        wait_for(ready.exists, seconds=20, what="the worker's start")
        await version("9999")
        _, said = await asyncio.to_thread(worker.communicate, timeout=25)
    assert worker.returncode == 1
    last = said.splitlines()[-1]
    assert last.startswith("hsi worker: the database has schema 9999, which is newer")


async def test_a_schema_that_becomes_newer_is_said_by_the_api_which_does_nothing_with_it(
    product: Product, version: Callable[[str], Awaitable[None]]
) -> None:
    address = await product.start_api()
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        assert (await client.get("/api/events")).status_code == 200
        await version("9999")
        await until(partial(is_ready, client, False), "health to say it", seconds=15)
        report = (await client.get("/api/system/health")).json()
        (database,) = [part for part in report["parts"] if part["name"] == "database"]
        assert (database["status"], database["rung"]) == ("unhealthy", "schema")
        refusal = await client.get("/api/events")
        assert (refusal.status_code, refusal.json()["code"]) == (503, "database.newer_schema")
        await version("")
        await until(partial(is_ready, client, True), "the API to be ready again", seconds=15)
        assert (await client.get("/api/events")).status_code == 200


async def is_ready(client: httpx.AsyncClient, ready: bool) -> bool:
    return bool((await client.get("/api/system/health")).json()["ready"]) is ready


async def test_with_a_broken_model_it_does_not(product: Product, tmp_path: Path) -> None:
    model, ready = tmp_path / "model.onnx", tmp_path / "ready"
    model.write_text("no model")
    with start(product, ready, DETECTOR__MODEL=str(model)) as worker:
        _, said = worker.communicate(timeout=20)
    assert worker.returncode == 1
    assert said.startswith(f"hsi worker: the model file {model} cannot be loaded: ")
    assert said.count("\n") == 1
    assert not ready.exists()


async def test_with_a_model_that_does_not_see_health_and_status_say_so(
    product: Product, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blind = write_model(tmp_path / "blind.onnx", no_queries())
    product.media_root.mkdir()
    product.environment = {**product.environment, "DETECTOR__MODEL": str(blind)}
    address = await product.start_api()
    product.start_worker()

    async def is_said() -> bool:
        async with client_at(address) as client:
            report = (await client.get("/api/system/health")).json()
        return "detector_doubtful" in {rung["name"] for rung in report["rungs"]}

    await until(is_said, "health to say it", seconds=15)
    with pytest.raises(typer.Exit) as ended:
        await asyncio.to_thread(status, server=address)
    assert ended.value.exit_code == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "The model does not see" in said
    assert "rtdetr:blind.onnx cannot be trusted: it gives the same answer to two pictures" in said


@pytest.fixture
def used(product: Product, tmp_path: Path) -> ModelFolder:
    """The product's models: `own`, which is in use."""
    folder = ModelFolder(product.media_root.parent / "models")
    own = write_model(tmp_path / "given.onnx", no_queries(), is_blind=False)
    with folder.changing():
        copy_in(folder, "own", own)
        take_part(folder, "own", "a test", datetime.now(UTC))
        folder.use("own")
    return folder


async def test_the_model_in_use_is_taken_where_the_settings_name_none(
    product: Product, used: ModelFolder, real_redis: RedisClient
) -> None:
    assert used.chosen().file is not None
    product.media_root.mkdir()
    product.start_worker()

    async def is_said() -> bool:
        return [(word.detector, word.doubt) for word in await heard(real_redis)] == [
            ("rtdetr:own.onnx", None)
        ]

    await until(is_said, "the worker's word")


async def test_another_model_is_taken_up_while_it_runs(
    product: Product, used: ModelFolder, real_redis: RedisClient
) -> None:
    product.media_root.mkdir()
    product.start_worker()

    async def is_at_work(detector: str, refused: str | None = None) -> None:
        async def is_said() -> bool:
            words = await heard(real_redis)
            return [(word.detector, word.refused_model) for word in words] == [(detector, refused)]

        await until(is_said, f"{detector} to be at work", seconds=15)

    await is_at_work("rtdetr:own.onnx")
    used.use("motion")
    await is_at_work("motion")
    own = used.file("own")
    move(own, own.with_name("elsewhere"))
    used.use("own")
    await is_at_work("motion", f"there is no model file {own}")


def move(file: Path, to: Path) -> None:
    file.rename(to)


async def test_the_first_model_is_fetched_where_the_setting_says_so(
    product: Product, real_redis: RedisClient
) -> None:
    """Up to the first doubt: what this server has is not what the catalogue knows."""
    product.media_root.mkdir()
    models = ModelFolder(product.media_root.parent / "models")
    with model_server(b"something else") as server:
        product.environment = {
            **product.environment,
            "MODELS__AUTO_DOWNLOAD": "true",
            "MODELS__BASE_URL": server.address,
            "NO_PROXY": "127.0.0.1",
        }
        product.start_worker()

        async def is_said() -> bool:
            said = look_at_detectors(await heard(real_redis)).reason
            return (
                "rtdetrv2-s is awaited, and not to be had: 127.0.0.1 has another file there" in said
            )

        await until(is_said, "the worker's word", seconds=20)
    assert models.read() == Manifest(awaited="rtdetrv2-s")
    assert [path.rpartition("/")[2] for path, _ in server.asked] == ["model.onnx"] * len(
        server.asked
    )


async def test_a_model_in_use_that_is_gone_is_no_reason_for_motion(
    product: Product, used: ModelFolder, tmp_path: Path
) -> None:
    used.file("own").unlink()
    with start(product, tmp_path / "ready") as worker:
        _, said = worker.communicate(timeout=20)
    assert worker.returncode == 1
    assert said == f"hsi worker: there is no model file {used.file('own')}\n"
