"""`hsi up`."""

import os
import select
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from backend.core.config import Settings

_ANSWER_SECONDS = 180.0


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
        decide=partial(decide_on_model, settings),
    ).run()


def decide_on_model(settings: "Settings") -> str | None:
    """The model that a worker is going to fetch; asks whether it should, where that is open.

    Where nothing can be noted, that is said, and nothing is fetched: it is no reason not to start.
    """
    from backend.core.errors import Conflict, Unavailable

    wished = settings.models.auto_download
    if settings.detector.model is not None or settings.detector.urls or wished is False:
        return None
    try:
        return _awaited(settings, wished=bool(wished))
    except (Conflict, Unavailable) as error:
        typer.echo(f"no model is fetched: {error}", err=True)
        return None


def _awaited(settings: "Settings", *, wished: bool) -> str | None:
    from backend.cli.models import folder_of
    from backend.services.detection.models.awaited import ask_for_first

    folder = folder_of(settings)
    if folder.mark() is None and not wished and _somebody_is_there():
        answer = _answer(_question(settings.models.base_url))
        if answer is False:
            with folder.changing():
                folder.use("motion")
        wished = bool(answer)
    if wished:
        ask_for_first(folder)
    manifest = folder.read()
    if wished and manifest.awaited is None and manifest.in_use is None:
        typer.echo("MODELS__AUTO_DOWNLOAD fetches nothing: motion was chosen, or a model added")
    return manifest.awaited


def _somebody_is_there() -> bool:
    """Whether there is a terminal, and we are not in its background."""
    if os.environ.get("CI", "").lower() not in {"", "0", "false"}:
        return False
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # it is nobody's terminal
        return False


def _question(mirror: str | None) -> str:
    from backend.cli.words import file_size
    from backend.services.detection.models.catalogue import first_model

    entry = first_model()
    source = entry.to_fetch()
    size = file_size(source.size or 0)
    return (
        "Nothing looks at the pictures yet but motion, which sees that something moves, and not "
        "what.\n"
        f"Fetch {entry.title} ({size}, {entry.licence}) from {mirror or source.site} in the "
        "background, and use it then? This is asked once"
    )


def _answer(question: str) -> bool | None:
    """Yes or no; None where nobody answers for some minutes."""
    while True:
        typer.echo(f"{question} [Y/n]: ", nl=False)
        if not select.select([sys.stdin], [], [], _ANSWER_SECONDS)[0]:
            typer.echo("\nNobody answers: it is motion for now, and asked again the next time.")
            return None
        line = sys.stdin.readline()
        if not line:
            raise typer.Abort
        word = line.strip().lower()
        if word in {"", "y", "yes", "n", "no"}:
            return word in {"", "y", "yes"}
        question = "Please answer y or n"
