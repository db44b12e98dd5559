"""`hsi models`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.client import Data, Json

if TYPE_CHECKING:
    from backend.core.config import Settings
    from backend.services.detection.models.download import Progress
    from backend.services.detection.models.folder import ModelFolder
    from backend.services.detection.models.pulling import Pull
    from backend.services.detection.models.taking import Seen

app = typer.Typer(
    help="Show the models that can look at the pictures; fetch, add, use, verify or remove one.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Its name, as `hsi models list` has it.")]


@app.command("list")
def list_models(data: Data = None, as_json: Json = False) -> None:
    """Show the models of the catalogue, and those that are here."""
    from backend.cli.client import print_json
    from backend.cli.model_rows import rows_of, show

    settings = settings_of(data)
    rows = rows_of(folder_of(settings), settings.detector.model)
    if as_json:
        print_json(rows)
    else:
        show(rows)
        _tell_what_goes_before(settings)


@app.command()
def pull(
    name: Name,
    changed: Annotated[
        bool,
        typer.Option(
            "--changed",
            help="Take it also if it is another file than the first time; for one of which the "
            "catalogue has no hash.",
        ),
    ] = False,
    data: Data = None,
) -> None:
    """Fetch a model of the catalogue. What broke off goes on where it stopped."""
    from backend.cli.tables import show_line

    settings = settings_of(data)
    try:
        with _bar(name) as progress, _puller(settings, progress) as puller:
            pulled = puller.model(name, changed=changed)
    except KeyboardInterrupt:
        typer.echo(f"hsi: stopped; `hsi models pull {name}` goes on from there", err=True)
        raise typer.Exit(130) from None
    if pulled is None:
        show_line(f"{name} is here already")
        return
    if not pulled.is_vouched_for:
        show_line("nobody declares its hash: from now on it is held to the one that it has")
    tell_taken(name, pulled.seen)


@app.command(hidden=True)
def fetch_awaited(
    parent: Annotated[int, typer.Option(help="The worker, with which it ends.")],
    data: Data = None,
) -> None:
    """Fetch the model that was asked for before it was here, and use it: what a worker runs."""
    import signal

    from backend.core.parent import end_with

    end_with(parent, signal.SIGTERM)
    settings = settings_of(data)
    name = folder_of(settings).read().awaited
    if name is None:
        return
    with _puller(settings, _tenths(name)) as puller:
        if puller.awaited() is not None:
            typer.echo(f"{name} is here, and looks at the pictures from now on")


@app.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An ONNX file; it is copied.")],
    name: Annotated[
        str | None, typer.Option(help="What to call it. Default: as the file is called.")
    ] = None,
    data: Data = None,
) -> None:
    """Add a model of your own, once it is known what family it is of."""
    from backend.services.detection.models.folder import check_name

    given = check_name(name or file.stem.lower().replace(" ", "-"))
    _add_file(folder_of(settings_of(data)), given, file, str(file.absolute()))


@app.command()
def export(
    weights: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FOLDER",
            help="A model of the catalogue of which there are weights, or a checkpoint's folder.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the file there, and do not add it."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What to call it. Default: as the weights are called.")
    ] = None,
    data: Data = None,
) -> None:
    """Make an ONNX file of weights, and add it. Needs the extra `export`: PyTorch."""
    from tempfile import TemporaryDirectory

    from backend.cli.tables import show_line
    from backend.core.errors import Invalid
    from backend.services.detection.models.catalogue import weights_of
    from backend.services.detection.models.export import export as write
    from backend.services.detection.models.folder import check_name

    source = weights_of(weights)
    if output is not None:
        with _placed(output) as made:
            write(source, made)
        show_line(f"{output} is written: `hsi models add {output}` adds it")
        return
    given = check_name(name or Path(weights).resolve().name.lower())
    folder = folder_of(settings_of(data))
    _check_free(folder, given)  # before minutes are spent
    with TemporaryDirectory(prefix="hsi-export-") as work:
        made = Path(work, f"{given}.onnx")
        write(source, made)
        try:
            _add_file(folder, given, made, source)
        except Invalid as error:  # of a file that is gone by now: its owner knows the weights
            raise Invalid(str(error).replace(str(made), source), code=error.code) from error


@contextmanager
def _placed(output: Path) -> "Iterator[Path]":
    """A file beside that place, which takes it once it is whole. Refuses a bad place before."""
    from tempfile import TemporaryDirectory

    from backend.core.errors import Invalid
    from backend.core.paths import is_folder
    from backend.services.detection.models.folder import unwritable

    if is_folder(output):
        raise Invalid(f"{output} is a folder: name a file in it", code="model.no_file")
    try:
        beside = TemporaryDirectory(prefix=".hsi-export-", dir=output.parent)
    except OSError as error:
        raise unwritable(output.parent, error) from error
    with beside as work:
        made = Path(work, output.name)
        yield made
        made.replace(output)


@app.command()
def use(name: Name, data: Data = None) -> None:
    """Have a model look at the pictures, within seconds; `motion` is none."""
    from backend.cli.tables import show_line
    from backend.core.errors import Invalid

    settings = settings_of(data)
    folder = folder_of(settings)
    with folder.changing():
        fault = folder.fault(name) if name != "motion" else None
        if fault:
            raise Invalid(
                f"{name}: {fault}. `hsi models pull {name}` mends one of the catalogue; your own, "
                "remove and add again",
                code="model.damaged",
            )
        folder.use(name)
    show_line(f"{name} is to look at the pictures: a worker that runs takes it up within seconds")
    if settings.detector.model is not None:
        show_line(f"DETECTOR__MODEL is set, and goes before: {settings.detector.model}")


@app.command()
def remove(name: Name, data: Data = None) -> None:
    """Remove a model's file, or what came of one that broke off."""
    from backend.cli.tables import show_line

    folder = folder_of(settings_of(data))
    with folder.changing():
        folder.remove(name)
    show_line(f"removed {name}")


@app.command()
def verify(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Only this one.")] = None,
    data: Data = None,
) -> None:
    """Compare the files with their hashes. Ends with status 1 where one is not what it was."""
    from backend.cli.tables import show_line

    folder = folder_of(settings_of(data))
    faults = {one: folder.fault(one) for one in ([name] if name else folder.read().models)}
    for one, fault in faults.items():
        show_line(f"{one}: {fault or 'as it was'}")
    if not faults:
        show_line("no model is here")
    raise typer.Exit(1 if any(faults.values()) else 0)


def settings_of(data: Path | None) -> "Settings":
    """The settings, with the data folder that the option names."""
    from backend.core.config import get_settings

    settings = get_settings()
    if data is None:
        return settings
    return settings.model_copy(update={"data": data.expanduser().absolute()})


def folder_of(settings: "Settings") -> "ModelFolder":
    """Where the models are."""
    from backend.services.detection.models.folder import ModelFolder
    from backend.wiring import folders

    return ModelFolder(folders(settings).models)


@contextmanager
def _puller(settings: "Settings", progress: "Progress") -> "Iterator[Pull]":
    """What fetches models into the folder."""
    import time
    from datetime import UTC, datetime

    from backend.services.detection.models.download import Download, open_client
    from backend.services.detection.models.pulling import Pull

    with open_client() as client:
        download = Download(client, progress=progress, pause=time.sleep)
        yield Pull(
            folder_of(settings), download, settings.models.base_url, lambda: datetime.now(UTC)
        )


def _tell_what_goes_before(settings: "Settings") -> None:
    """Say which settings have the worker do otherwise."""
    if settings.detector.model is not None:
        typer.echo(f"\nDETECTOR__MODEL is set, and goes before: {settings.detector.model}")
    elif settings.detector.urls:
        typer.echo("\nDETECTOR__URLS is set, and goes before: a service looks at the pictures")
    elif settings.models.auto_download is False and folder_of(settings).read().awaited:
        typer.echo("\nMODELS__AUTO_DOWNLOAD is false: what is awaited is not fetched")


def tell_taken(name: str, seen: "Seen") -> None:
    """Say what a new model is, and what may be done next."""
    from backend.cli.tables import show_line

    show_line(f"{name} is here: a model of the family {seen.family}")
    if seen.doubt:
        show_line(f"it cannot be trusted: {seen.doubt}")
    show_line(f"`hsi models use {name}` lets it look at the pictures")


def _add_file(folder: "ModelFolder", name: str, file: Path, source: str) -> None:
    """Copy a file into the folder, unless the name is taken, or the file is no model."""
    from backend.core.errors import Invalid
    from backend.core.paths import is_folder
    from backend.services.detection.models.folder import hash_of
    from backend.services.detection.models.taking import copy_in, look_into

    if is_folder(file):
        raise Invalid(f"{file} is a folder, and not a model's file", code="model.no_file")
    look_into(file)  # before it is copied, and under the name by which the owner knows it
    with folder.changing(), folder.fetching(name):  # a download has the same part
        _check_free(folder, name, sha256=hash_of(file))
        copy_in(folder, name, file)
        seen = _take(folder, name, source)
    tell_taken(name, seen)


def _check_free(folder: "ModelFolder", name: str, *, sha256: str | None = None) -> None:
    """Raise Conflict for the name of a model that is here, or that is another one's.

    A file that the catalogue knows, by its `sha256`, may have its name.
    """
    from backend.core.errors import Conflict
    from backend.services.detection.models.catalogue import catalogue

    if name in folder.read().models:
        raise Conflict(f"there is a model {name} already: give another --name", code="model.exists")
    entry = catalogue().get(name)
    if entry is not None and entry.source is not None and entry.source.sha256 != sha256:
        raise Conflict(
            f"{name} is the name of another file, which the catalogue knows: give another --name",
            code="model.exists",
        )


def _take(folder: "ModelFolder", name: str, source: str) -> "Seen":
    from datetime import UTC, datetime

    from backend.services.detection.models.taking import take_part

    return take_part(folder, name, source, datetime.now(UTC))


@contextmanager
def _bar(name: str) -> "Iterator[Progress]":
    """A bar while it lasts; nothing in a pipe."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(name, total=None)

        def tell(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total)

        yield tell


def _tenths(name: str) -> "Progress":
    """A line for each tenth that has come, for a log or a terminal that others write to."""
    from backend.cli.words import file_size

    told = -1

    def tell(done: int, total: int | None) -> None:
        nonlocal told
        if told < 0:
            told = 0
            typer.echo(f"{name} is being fetched, to be used then")
        if total and (tenths := 10 * done // total) > told:
            told = tenths
            typer.echo(f"{name}: {file_size(done)} of {file_size(total)}")

    return tell
