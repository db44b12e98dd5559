"""The HTTP process: what people and programs see of the ledger, and how it reaches them live.

`python -m backend.main` listens as the settings say; `uvicorn backend.main:app` works too.
"""

from backend.core import garbage

if __name__ == "__main__":
    garbage.pause()

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import uvicorn
from fastapi import FastAPI

from backend.api.application import build
from backend.api.conversation import MAX_MESSAGE_BYTES
from backend.api.dependencies import Parts, Places
from backend.core.clock import SystemClock
from backend.core.config import Settings, get_settings
from backend.core.content_store import ContentStore
from backend.core.errors import HsiError
from backend.core.logging import configure_logging
from backend.core.queue import StreamBells
from backend.core.supervisor import Supervisor
from backend.domain.frames import Lane
from backend.services.detection.shown import ShownPictures
from backend.services.live.fan_out import FanOut
from backend.services.live.relay import OutboxRelay
from backend.services.upkeep.health import Health
from backend.wiring import (
    database_for_requests,
    disk_threads,
    fitness_of,
    folders,
    refuse_unfit_servers,
    server_urls,
    services,
)

_ANSWER_SECONDS = 10.0
"""For a disk; whoever asks is then told that it does not answer."""
_SECONDS_TO_END = 2  # `hsi up` gives its processes four


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; its servers are connected to when it starts, and may come later.

    Raises Invalid for settings that are wrong, or do not say where the servers are.
    """
    settings = settings or get_settings()
    server_urls(settings)
    return build(allowed_hosts=settings.api.allowed_hosts, lifespan=partial(_running, settings))


@asynccontextmanager
async def _running(settings: Settings, application: FastAPI) -> AsyncIterator[None]:
    """Make the parts, and keep those running that work by themselves."""
    clock = SystemClock()
    places = folders(settings)
    async with (
        services(settings) as (database, redis),
        database_for_requests(settings) as for_requests,
    ):
        relay = OutboxRelay(database, redis, clock)
        fan_out = FanOut(database, redis)
        fitness = fitness_of(database, redis)
        health = Health(database, redis, clock, [settings.data, places.pictures], fitness)
        work = Supervisor(clock)
        work.add("relay", relay.run)
        work.add("live", fan_out.run)
        work.add("bell", fan_out.listen)
        supervisor = Supervisor(clock)
        supervisor.add("work", lambda: fitness.during(work.run))
        supervisor.add("health", health.run)
        in_data_thread = disk_threads("pictures", clock, patience=_ANSWER_SECONDS).run
        application.state.parts = Parts(
            database=for_requests,
            clock=clock,
            places=Places(
                places.media_root,
                places.pictures,
                places.thumbnails,
                in_media_thread=disk_threads("media", clock, patience=_ANSWER_SECONDS).run,
                in_data_thread=in_data_thread,
            ),
            fan_out=fan_out,
            health=health,
            fitness=fitness,
            told=relay.told,
            bells=StreamBells(redis, list(Lane), hearer="api"),
            zone=settings.time_zone,
            pictures=ShownPictures(ContentStore(places.pictures), in_data_thread),
            originals_for_owner=settings.privacy.originals_for_owner,
        )
        working = asyncio.create_task(supervisor.run())
        try:
            yield
        finally:
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working


def __getattr__(name: str) -> FastAPI:
    """`app`, made when it is first asked for: importing this module reads no settings."""
    if name != "app":
        raise AttributeError(name)
    try:
        globals()["app"] = application = create_app()
    except HsiError as error:
        sys.exit(f"hsi api: {error}")
    return application


def main() -> None:
    """Serve until SIGINT or SIGTERM; open connections have 2 s to end."""
    garbage.resume()
    try:
        settings = get_settings()
        configure_logging(
            "api",
            folders(settings).logs,
            level=settings.logs.level,
            keep_days=settings.logs.keep_days,
        )
        application = create_app(settings)
        # As when the application starts, but in one line.
        asyncio.run(refuse_unfit_servers(settings))
    except HsiError as error:
        sys.exit(f"hsi api: {error}")
    uvicorn.run(
        application,
        host=settings.api.host,
        port=settings.api.port,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_SECONDS_TO_END,
    )


if __name__ == "__main__":
    main()
