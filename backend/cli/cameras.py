"""`hsi cameras`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.client import Api, Data, Document, Json, Server

if TYPE_CHECKING:
    from backend.cli.tables import Cell

app = typer.Typer(
    help="Show the cameras and their pictures, or add, rename, delete and restore one."
)

Camera = Annotated[str, typer.Argument(metavar="CAMERA", help="Its short name, name or number.")]


@app.callback(invoke_without_command=True)
def cameras(
    context: typer.Context,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="Those that were deleted and can be restored.")
    ] = False,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show the cameras and their pictures, or add, rename, delete and restore one."""
    from backend.cli.client import api, print_json, refuse_stray_options

    if context.invoked_subcommand:
        refuse_stray_options(context)
        return
    with api(server, data) as opened:
        found = all_cameras(opened, deleted=deleted)
    if as_json:
        print_json(found)
    else:
        show(found, deleted=deleted)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Its name, and that of its folder.")],
    time_zone: Annotated[
        str | None,
        typer.Option(help="Where its clock is, like Europe/Berlin. Default: TIME_ZONE."),
    ] = None,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add a camera and make its folder. A new folder with a picture does the same by itself."""
    from backend.cli.client import api

    with api(server, data) as opened:
        body = {"name": name} | ({"time_zone": time_zone} if time_zone else {})
        _tell(opened.send("POST", "/api/cameras", body=body), "added", as_json=as_json)


@app.command()
def rename(
    camera: Camera,
    name: Annotated[str, typer.Argument(help="Its new name; folder and short name stay.")],
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Give a camera another name to be shown by."""
    from backend.cli.client import api

    with api(server, data) as opened:
        found = camera_of(opened, camera, deleted=False)
        renamed = opened.send("PATCH", f"/api/cameras/{found['id']}", body={"name": name})
        _tell(renamed, "renamed", as_json=as_json)


@app.command()
def delete(
    camera: Camera,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    server: Server = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Delete a camera with its frames and events. Its folder and files stay, and are ignored."""
    from backend.cli.client import api, print_json
    from backend.cli.tables import show_line

    with api(server, data) as opened:
        found = camera_of(opened, camera, deleted=False)
        if not yes:
            confirm(found, to_be_removed(opened, found))
        confirmed = {"confirm": found["slug"]}
        removed = opened.send("DELETE", f"/api/cameras/{found['id']}", confirmed)
    if as_json:
        print_json(removed)
    else:
        show_line(f"deleted camera {found['slug']}: {_counts(removed)}")
        show_line(f"`hsi cameras restore {found['slug']}` lets it begin anew")


@app.command()
def restore(
    camera: Camera, server: Server = None, data: Data = None, as_json: Json = False
) -> None:
    """Let a deleted camera begin anew; what it had is gone."""
    from backend.cli.client import api

    with api(server, data) as opened:
        found = camera_of(opened, camera, deleted=True)
        restored = opened.send("POST", f"/api/cameras/{found['id']}/restore")
        _tell(restored, "restored", as_json=as_json)


@app.command()
def picture(
    camera: Camera,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to put it.")],
    drawings: Annotated[
        bool, typer.Option("--drawings", help="With the camera's zones, lines and masks upon it.")
    ] = False,
    server: Server = None,
    data: Data = None,
) -> None:
    """Save the picture that a camera took last, without what its privacy masks cover."""
    from backend.cli.client import api
    from backend.cli.tables import show_line

    with api(server, data) as opened:
        found = camera_of(opened, camera, deleted=False)
        content = opened.download(
            f"/api/cameras/{found['id']}/picture", {"drawings": str(drawings).lower()}
        )
    save(file, content)
    show_line(f"saved {file}")


def save(file: Path, content: bytes) -> None:
    """Write a file. Raises Conflict where that is not possible."""
    from backend.core.errors import Conflict
    from backend.core.log_lines import printable

    try:
        file.write_bytes(content)
    except OSError as error:
        raise Conflict(
            f"cannot write {printable(str(file))}: {error.strerror}", code="file.unwritable"
        ) from error


def all_cameras(opened: Api, *, deleted: bool) -> list[Document]:
    """Every camera, or every deleted one."""
    import sys

    return opened.listed("/api/cameras", {"deleted": str(deleted).lower()}, limit=sys.maxsize)


def camera_of(opened: Api, word: str, *, deleted: bool) -> Document:
    """The camera that is meant: by its slug, else its name or folder, else its number.

    Raises NotFound, or Conflict where several bear that name.
    """
    from backend.core.errors import Conflict, NotFound
    from backend.core.log_lines import printable

    known = all_cameras(opened, deleted=deleted)
    for keys in (("slug",), ("name", "folder"), ("id",)):
        found = [one for one in known if word in {str(one[key]) for key in keys}]
        if len(found) == 1:
            return found[0]
        if found:
            slugs = ", ".join(one["slug"] for one in found)
            raise Conflict(
                f"{printable(word)}: several cameras are called so: {slugs}",
                code="camera.ambiguous",
            )
    listing = "`hsi cameras --deleted`" if deleted else "`hsi cameras`"
    kind = "deleted camera" if deleted else "camera"
    raise NotFound(f"no {kind} {printable(word)}: {listing} shows them", code="camera.not_found")


def to_be_removed(opened: Api, camera: Document) -> Document:
    """What a deletion would remove: the API counts it when it refuses one that is not confirmed."""
    from backend.cli.client import refusal

    status, document = opened.answer("DELETE", f"/api/cameras/{camera['id']}")
    if document.get("code") != "camera.confirm":
        raise refusal(status, document)
    return document


def confirm(camera: Document, removed: Document) -> None:
    """Ask for the camera's short name. Raises Conflict where it is not given."""
    import sys

    from backend.core.errors import Conflict
    from backend.core.log_lines import printable

    slug = str(camera["slug"])
    typer.echo(f"{printable(camera['name'])} ({slug}) has {_counts(removed)}.", err=True)
    typer.echo("They will be removed; the files in its folder stay.", err=True)
    # Not by typer's prompt, which writes a part of it to stdout, where only the answer belongs.
    typer.echo(f"Type {slug} to delete it: ", nl=False, err=True)
    typed = sys.stdin.readline()
    if not typed:
        typer.echo(err=True)
    if typed.strip() != slug:
        raise Conflict("nothing was deleted (--yes deletes without asking)", code="camera.confirm")


_TITLES = {
    "deleted_at": "DELETED",
    "ignored_files": "IGNORED FILES",
    "last_frame_at": "LAST PICTURE",
    "waiting_frames": "WAITING",
    "skipped_frames": "SKIPPED",
}
_COLUMNS = {
    True: ("deleted_at", "ignored_files"),
    False: ("last_frame_at", "waiting_frames", "skipped_frames"),
}


def show(found: list[Document], *, deleted: bool) -> None:
    """Print cameras, or that there are none."""
    from backend.cli.tables import Column, show_table

    if not found:
        none = (
            "no camera was deleted" if deleted else "no cameras yet: drop a picture into a folder"
        )
        typer.echo(none)
        return
    at, *numbers = _COLUMNS[deleted]
    show_table(
        (
            Column("ID", whole=True, right=True),
            Column("SHORT NAME"),
            Column("NAME"),
            Column(_TITLES[at], whole=True),
            *(Column(_TITLES[number], right=True) for number in numbers),
        ),
        (_row(one, deleted=deleted) for one in found),
    )


def _row(camera: Document, *, deleted: bool) -> "tuple[Cell, ...]":
    from backend.cli.words import local_time

    at, *numbers = _COLUMNS[deleted]
    counted = (camera[number] for number in numbers)
    return camera["id"], camera["slug"], camera["name"], local_time(camera[at]), *counted


def _tell(camera: Document, done: str, *, as_json: bool) -> None:
    from backend.cli.client import print_json
    from backend.cli.tables import show_line

    if as_json:
        print_json(camera)
        return
    show_line(
        f"{done} camera {camera['slug']} ({camera['name']}), "
        f"number {camera['id']}, folder {camera['folder']}"
    )


def _counts(removed: Document) -> str:
    from backend.cli.words import counted

    return ", ".join(
        counted(removed[f"{thing}s"], thing) for thing in ("frame", "event", "detection")
    )
