"""The models as `hsi models list` shows them."""

from pathlib import Path
from typing import TYPE_CHECKING

from backend.cli.client import Document

if TYPE_CHECKING:
    from backend.services.detection.models.catalogue import Entry
    from backend.services.detection.models.folder import ModelFolder


def rows_of(folder: "ModelFolder", model: Path | None) -> list[Document]:
    """What is known, and what is here: the catalogue first. `model` is the one that is set."""
    from backend.services.detection.models.catalogue import catalogue
    from backend.services.detection.models.folder import NO_MODEL

    manifest = folder.read()
    in_use = None if model is not None else manifest.in_use or NO_MODEL
    rows = {name: _row(entry) for name, entry in catalogue().items()}
    for name, kept in manifest.models.items():
        own = {"name": name, "title": name, "about": f"from {kept.source}"}
        rows.setdefault(name, own).update(bytes=kept.size, family=kept.family)
    for name, row in rows.items():
        if name == in_use:
            row["state"] = "in use"
        elif name == NO_MODEL or name in manifest.models:
            row["state"] = "here"
        elif folder.is_fetching(name):
            row["state"] = f"being fetched{_how_far(folder.size_of_part(name), row)}"
        elif name == manifest.awaited:
            row["state"] = f"awaited{_how_far(folder.size_of_part(name), row)}"
        elif folder.part(name).exists():
            row["state"] = "partly here"
        if name in manifest.models and not folder.file(name).is_file():
            row["state"] += ", and gone"
    return list(rows.values())


def _how_far(done: int, row: Document) -> str:
    """How much of a model is here, where its size is known."""
    size = row.get("bytes")
    return f", {100 * done // size} %" if size else ""


def _row(entry: "Entry") -> Document:
    """A model that is not here."""
    return {
        "name": entry.name,
        "title": entry.title,
        "about": entry.about,
        "ap": entry.ap,
        "speed": entry.speed,
        "figures": entry.figures or None,
        "licence": entry.licence or None,
        "bytes": entry.source.size if entry.source else None,
        "family": None,
        "state": "can be fetched" if entry.source else "weights only",
    }


def show(rows: list[Document]) -> None:
    """Print the models."""
    from backend.cli.tables import Column, show_table
    from backend.cli.words import file_size

    show_table(
        (
            Column("NAME", whole=True),
            Column("STATE", whole=True),
            Column("SIZE", right=True),
            Column("AP", right=True),
            Column("LICENCE"),
            Column("WHAT FOR"),
        ),
        (
            (
                row["name"],
                row["state"],
                file_size(row["bytes"]) if row["bytes"] else None,
                str(row["ap"]) if row.get("ap") else None,
                row.get("licence"),
                row["about"],
            )
            for row in rows
        ),
    )
