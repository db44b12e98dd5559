"""The application without servers: what needs the database is `Unavailable`."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from starlette.types import Scope

from backend.api.application import Application, build
from backend.api.dependencies import Parts, Places
from backend.core.content_store import ContentStore
from backend.core.database import Database
from backend.core.queue import MemoryBells
from backend.core.redis import RedisClient
from backend.domain.frames import Lane
from backend.migrations.known import refuse_unknown
from backend.services.detection.shown import ShownPictures
from backend.services.live.fan_out import FanOut
from backend.services.upkeep.fitness import Fitness
from backend.services.upkeep.health import Health
from backend.tests.fixtures.clock import ManualClock


@pytest.fixture(scope="session")
def built() -> Application:
    """The routes, made once: their documentation takes a while."""
    application = build(allowed_hosts=["hsi.example"])
    application.openapi()  # kept by the application
    return application


@pytest.fixture
def application(built: Application, tmp_path: Path) -> Application:
    """The application, with a database and a Redis that nobody listens for."""
    database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    redis = RedisClient("redis://127.0.0.1:1/0", prefix="test:")
    clock = ManualClock()
    fitness = Fitness(database, redis, clock, refuse_unknown)
    built.state.parts = Parts(
        database=database,
        clock=clock,
        places=Places(tmp_path / "cameras", tmp_path / "pictures", tmp_path / "thumbnails"),
        fan_out=FanOut(database, redis),
        health=Health(database, redis, clock, [tmp_path], fitness),
        fitness=fitness,
        told=lambda: None,
        bells=MemoryBells(list(Lane)),
        zone=ZoneInfo("UTC"),
        pictures=ShownPictures(ContentStore(tmp_path / "pictures")),
    )
    return built


@pytest.fixture
async def api(application: Application) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that application."""
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
def handshake() -> Callable[..., Scope]:
    """Makes the scope of a WebSocket handshake with headers."""

    def make(**headers: str) -> Scope:
        return {
            "type": "websocket",
            "path": "/ws",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }

    return make
