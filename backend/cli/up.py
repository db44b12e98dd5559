"""`hsi up`."""

from pathlib import Path
from typing import Annotated

import typer


def up(
    data: Annotated[
        Path | None,
        typer.Option(help="Folder for all data. Default: HSI_DATA, else the user's data folder."),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Loopback address to listen on. Default: API__HOST.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port to listen on. Default: API__PORT, else 8000."),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Feed drawn pictures of two cameras, to look around.")
    ] = False,
) -> None:
    """Start everything, and stay in the foreground until Ctrl-C.

    PostgreSQL and Valkey of its own run beneath the data folder, unless DATABASE_URL and REDIS_URL
    name others.
    """
    from backend.core.config import get_settings
    from backend.local.up import Up, UpOptions
    from backend.wiring import model_of

    settings = get_settings()
    if data is not None:
        settings = settings.model_copy(update={"data": data.expanduser().absolute()})
    database, redis = settings.database_url, settings.redis_url
    Up(
        UpOptions(
            data=settings.data,
            host=host or settings.api.host,
            port=port or settings.api.port,
            demo=demo,
            database_url=database.get_secret_value() if database else None,
            redis_url=redis.get_secret_value() if redis else None,
            cameras=settings.ingest.media_root,
            model=model_of(settings).file,
            detectors=settings.detector.urls,
        )
    ).run()
