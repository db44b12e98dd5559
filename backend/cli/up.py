"""`hsi up`."""

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from backend.core.config import Settings


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
    name others. On a terminal it asks once whether a model is to be fetched, unless
    MODELS__AUTO_DOWNLOAD says.
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
        ),
        decide=partial(awaited_model, settings),
    ).run()


def awaited_model(settings: "Settings") -> str | None:
    """The model that a worker is going to fetch; asks whether it should, where that is open."""
    from backend.cli.models import folder_of
    from backend.services.detection.models.awaited import FIRST_MODEL, ask_for_first

    wished = settings.models.auto_download
    if settings.detector.model is not None or settings.detector.urls or wished is False:
        return None
    folder = folder_of(settings)
    if folder.mark() is None and wished is None and _somebody_is_there():
        wished = _is_wanted(FIRST_MODEL, settings.models.base_url)
        if not wished:
            with folder.changing():
                folder.use("motion")
    if wished:
        ask_for_first(folder)
    return folder.read().awaited


def _somebody_is_there() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and "CI" not in os.environ


def _is_wanted(name: str, mirror: str | None) -> bool:
    from backend.cli.words import file_size
    from backend.services.detection.models.catalogue import catalogue

    entry = catalogue()[name]
    source = entry.to_fetch()
    size = file_size(source.size or 0)
    typer.echo(
        "Nothing looks at the pictures yet but motion: it sees that something moves, and not what."
    )
    return typer.confirm(
        f"Fetch {entry.title} ({size}, {entry.licence}) from {mirror or source.site} in the "
        "background, and use it then? This is asked once",
        default=True,
    )
