"""The pipeline is put together from settings, and lives without its servers until it is ended."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from backend.core.config import Settings, get_settings
from backend.core.database import Database
from backend.core.errors import Invalid
from backend.core.redis import RedisClient
from backend.wiring import model_of, run_pipeline, services


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("HSI_DATA", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@127.0.0.1:1/name")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    return get_settings()


@pytest.fixture
async def nowhere(settings: Settings) -> AsyncIterator[tuple[Database, RedisClient]]:
    async with services(settings) as made:
        yield made


async def test_without_its_servers_every_part_is_tried_and_all_end(
    settings: Settings, nowhere: tuple[Database, RedisClient]
) -> None:
    ready = asyncio.Event()
    with capture_logs() as said:
        running = asyncio.create_task(
            run_pipeline(settings, *nowhere, worker="test", ready=ready.set)
        )
        await asyncio.wait_for(ready.wait(), 0.9)
        async with asyncio.timeout(0.9):
            while not {"detect", "close", "relay", "reconcile"} <= {
                str(entry.get("part")) for entry in said
            }:
                await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.wait([running], timeout=0.9)
    assert running.cancelled()
    assert {entry["event"] for entry in said if entry["log_level"] == "error"} == set()


async def test_a_missing_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    with pytest.raises(Invalid, match="DATABASE_URL is not set"):
        async with services(get_settings()):
            pytest.fail("there is none")


async def test_a_model_and_addresses_are_one_too_many(
    settings: Settings, nowhere: tuple[Database, RedisClient], tmp_path: Path
) -> None:
    detector = settings.detector.model_copy(
        update={"model": tmp_path / "m.onnx", "urls": ("http://127.0.0.1:1",)}
    )
    both = settings.model_copy(update={"detector": detector})
    with pytest.raises(Invalid, match="DETECTOR__MODEL and DETECTOR__URLS"):
        model_of(both)
    with pytest.raises(Invalid, match="DETECTOR__MODEL and DETECTOR__URLS"):
        await run_pipeline(both, *nowhere, worker="test", ready=lambda: None)
