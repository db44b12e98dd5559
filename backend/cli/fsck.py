"""`hsi fsck`."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.client import Data, Json

if TYPE_CHECKING:
    from backend.cli.tables import Cell
    from backend.core.config import Settings
    from backend.services.upkeep.fsck import Wishes
    from backend.services.upkeep.verdicts import Progress, Verdict

CLEAN, WRONG, NOT_LOOKED = 0, 1, 2


def fsck(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended.")] = False,
    thorough: Annotated[
        bool,
        typer.Option("--thorough", help="Read every picture, to see whether it is damaged."),
    ] = False,
    accept_folder: Annotated[
        bool,
        typer.Option(
            "--accept-folder", help="Take the folder of the pictures for the right one as it is."
        ),
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Is all that is kept whole? Looks at database and files, and mends what it can.

    It may run at any time, also while cameras send pictures, and needs no API. Ends with status 0
    where all is well, or was mended; 1 where something is wrong; 2 where it could not look.
    """
    from backend.cli.client import print_json
    from backend.core.errors import HsiError
    from backend.services.upkeep.fsck import Wishes

    wishes = Wishes(repair, thorough, accept_folder)
    try:
        verdicts = _looked(_settings(data), wishes)
    except (HsiError, OSError) as error:
        typer.echo(f"hsi: {error}", err=True)
        raise typer.Exit(NOT_LOOKED) from error
    if as_json:
        print_json([asdict(verdict) for verdict in verdicts])
    else:
        show(verdicts, repair=repair)
    raise typer.Exit(status_of(verdicts))


def status_of(verdicts: "Sequence[Verdict]") -> int:
    """How the command ends."""
    if any(verdict.hindrance is not None for verdict in verdicts):
        return NOT_LOOKED
    return CLEAN if all(verdict.is_clean for verdict in verdicts) else WRONG


def _settings(data: Path | None) -> "Settings":
    from backend.core.config import get_settings

    settings = get_settings()
    if data is None:
        return settings
    return settings.model_copy(update={"data": data.expanduser().absolute()})


def _looked(settings: "Settings", wishes: "Wishes") -> "list[Verdict]":
    from backend.local.attached import attached

    given = [
        url.get_secret_value() if url else None
        for url in (settings.database_url, settings.redis_url)
    ]
    with (
        attached(settings.data, *given, command="hsi fsck") as (database, redis),
        _as_our_processes(settings),
        _progress() as progress,
    ):
        return asyncio.run(_look(settings, database, redis, wishes, progress))


@contextmanager
def _as_our_processes(settings: "Settings") -> Iterator[None]:
    """Log what is mended, and write files that are nobody else's."""
    import os

    from backend.core.logging import close_logging, configure_logging
    from backend.wiring import folders

    before = os.umask(0o077)
    configure_logging(
        "fsck",
        folders(settings).logs,
        level=settings.logs.level,
        keep_days=settings.logs.keep_days,
    )
    try:
        yield
    finally:
        close_logging()
        os.umask(before)


async def _look(
    settings: "Settings", database_url: str, redis_url: str, wishes: "Wishes", progress: "Progress"
) -> "list[Verdict]":
    from backend.core.database import Database
    from backend.core.redis import RedisClient
    from backend.migrations.run import newest
    from backend.wiring import make_fsck

    database = Database(database_url, connections=2)
    redis = RedisClient(redis_url, prefix=settings.redis.prefix)
    try:
        fsck = make_fsck(settings, database, redis, newest_migration=newest())
        return await fsck.run(wishes, progress)
    finally:
        await redis.close()
        await database.close()


@contextmanager
def _progress() -> "Iterator[Progress]":
    """Bars on the terminal while it lasts; nothing in a pipe."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    bars: dict[str, TaskID] = {}
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as shown:

        def tell(what: str, done: int, total: int) -> None:
            if what not in bars:
                bars[what] = shown.add_task(what)
            shown.update(bars[what], completed=done, total=total)

        yield tell


def show(verdicts: "Sequence[Verdict]", *, repair: bool) -> None:
    """Print them for the owner: each, how much was looked at, and what is wrong."""
    from backend.cli.tables import Column, show_line, show_table

    show_table(
        (
            Column("WHAT MUST HOLD"),
            Column("LOOKED AT", whole=True, right=True),
            Column("RESULT", whole=True),
            Column("WHAT"),
        ),
        [_row(verdict, repair=repair) for verdict in verdicts],
    )
    typer.echo()
    show_line(summary(verdicts, repair=repair))


def _row(verdict: "Verdict", *, repair: bool) -> "tuple[Cell, ...]":
    from backend.cli.tables import Word

    if verdict.hindrance is not None:
        return verdict.name, verdict.looked_at, Word("not looked at"), verdict.hindrance
    if verdict.wrong == 0:
        return verdict.name, verdict.looked_at, Word("ok"), ""
    more = [f"and {verdict.wrong - len(verdict.examples)} more"]
    said = [*verdict.examples, *(more if verdict.wrong > len(verdict.examples) else [])]
    if repair and verdict.is_clean:
        result = f"{verdict.mended} mended"
    else:
        result = f"{verdict.wrong - verdict.mended} wrong"
        said += verdict.left
        if not repair:
            said.append(
                f"--repair {verdict.remedy}" if verdict.remedy else "--repair does not mend this"
            )
        elif not verdict.left:
            said.append("this is not mended")
    return verdict.name, verdict.looked_at, Word(result), "; ".join(said)


def summary(verdicts: "Sequence[Verdict]", *, repair: bool) -> str:
    """The last line."""
    hindered = sum(verdict.hindrance is not None for verdict in verdicts)
    if hindered:
        return f"Not all could be looked at ({hindered})."
    wrong = sum(verdict.wrong - verdict.mended for verdict in verdicts)
    mended = sum(verdict.mended for verdict in verdicts)
    if wrong == 0:
        return f"All is well: {mended} mended." if mended else "All is well."
    if repair:
        return f"{mended} mended, {wrong} still wrong."
    return f"{wrong} wrong: `hsi fsck --repair` mends what it can."
