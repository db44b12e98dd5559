"""A file becomes a model of ours once it was looked into."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backend.core.errors import HsiError
from backend.services.detection.model_detector import load
from backend.services.detection.models.folder import (
    Kept,
    ModelFolder,
    drop,
    hash_of,
    unwritable,
)
from backend.services.detection.self_check import SURE

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Seen:
    """What a file turned out to be; `doubt` says why it cannot be trusted, where it cannot."""

    family: str
    doubt: str | None


def look_into(file: Path) -> Seen:
    """Run the model once. Raises Invalid for what is none, or is of no known family."""
    detector = load(file, threads=1, confidence=SURE)
    detector.close()
    return Seen(detector.name.partition(":")[0], detector.doubt)


def take_part(folder: ModelFolder, name: str, source: str, now: datetime) -> Seen:
    """Keep what lies in the part of that name; what is no model is thrown away.

    Raises Invalid as `look_into` does.
    """
    part = folder.part(name)
    try:
        seen = look_into(part)
    except HsiError:
        drop(part)
        raise
    kept = Kept(hash_of(part), part.stat().st_size, seen.family, source, now.isoformat())
    folder.keep(name, kept)
    return seen


def copy_in(folder: ModelFolder, name: str, file: Path) -> None:
    """Copy a file into the part of that name. Raises Unavailable where that is not possible."""
    part = folder.part(name)
    try:
        with file.open("rb") as given, part.open("wb") as copy:
            while piece := given.read(_PIECE):
                copy.write(piece)
    except OSError as error:
        drop(part)
        raise unwritable(part.parent, error) from error
    except BaseException:  # Ctrl-C
        drop(part)
        raise
