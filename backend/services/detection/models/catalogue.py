"""The models that are known by name: read from `catalogue.toml`, which says what each field is."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from backend.core.errors import Conflict, NotFound
from backend.core.paths import is_folder

_FILE = Path(__file__).with_name("catalogue.toml")


@dataclass(frozen=True, slots=True)
class Source:
    """Where an ONNX file can be fetched, and what is known of it. `size` is in bytes."""

    site: str
    path: str
    sha256: str | None = None
    size: int | None = None

    def url(self, mirror: str | None) -> str:
        """Its address; a mirror has all sites' files under their own paths."""
        return f"{(mirror or self.site).rstrip('/')}/{self.path}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of the catalogue.

    `source` is where its ONNX file is, where there is one. `weights` is the repository of those.
    The `first` one is offered where nobody has chosen yet.
    """

    name: str
    title: str
    about: str
    licence: str
    figures: str
    ap: float | None = None
    millions: float | None = None
    side: int | None = None
    speed: str | None = None
    source: Source | None = None
    weights: str | None = None
    first: bool = False

    def to_fetch(self) -> Source:
        """Where its file is. Raises Conflict where there is none that could be fetched."""
        if self.source is not None:
            return self.source
        if self.weights is None:
            raise Conflict(f"{self.name} needs no file", code="model.needs_no_file")
        raise Conflict(
            f"{self.title} is published as PyTorch weights only ({self.weights}):"
            f" `hsi models export {self.name}` makes an ONNX file of them",
            code="model.not_exported",
        )


@cache
def catalogue() -> dict[str, Entry]:
    """All entries by name, in the order of the file."""
    tables = tomllib.loads(_FILE.read_text(encoding="utf-8"))["model"]
    return {table["name"]: _entry(table) for table in tables}


def entry_of(name: str) -> Entry:
    """The entry of that name. Raises NotFound."""
    try:
        return catalogue()[name]
    except KeyError:
        raise NotFound(
            f"no model {name} in the catalogue: `hsi models list` shows it", code="model.unknown"
        ) from None


def first_model() -> Entry:
    """The one that is offered where nobody has chosen yet."""
    return next(entry for entry in catalogue().values() if entry.first)


def weights_of(name: str) -> str:
    """Where the weights are: those of a model of the catalogue, else a folder of that name.

    Raises NotFound, Conflict for a model of which there are none, or Invalid for a path that may
    not be looked at.
    """
    if is_folder(Path(name)):
        return name
    entry = entry_of(name)
    if entry.weights is None:
        raise Conflict(
            f"of {name} no PyTorch weights are known: give the folder of a checkpoint",
            code="model.no_weights",
        )
    return entry.weights


def _entry(table: dict[str, Any]) -> Entry:
    about = dict(table)
    site, path = about.pop("site", None), about.pop("path", None)
    sha256, size = about.pop("sha256", None), about.pop("bytes", None)
    about.pop("hash_from", None)
    return Entry(**about, source=None if path is None else Source(site, path, sha256, size))
