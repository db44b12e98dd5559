"""Reads one file below the media root: is it whole, what is it, when was it taken?"""

import hashlib
import os
import stat
from dataclasses import dataclass, replace
from errno import ELOOP, EMFILE, ENFILE, ENOMEM, ENOTCONN, ESTALE, ETIMEDOUT
from pathlib import Path

from backend.core.errors import Invalid, Unavailable
from backend.domain.captured import ExifTime
from backend.domain.frames import FileMark
from backend.domain.paths import path_as_text
from backend.services.ingest.exif import read_exif_time
from backend.services.ingest.structure import read_structure

PICTURES = (".jpg", ".jpeg", ".png")
VIDEOS = (".mp4", ".mkv", ".avi", ".mov")
LONGEST_PATH = 1024
"""Bytes of a path as text. The index of the ledger holds no more than 2,700 in one row."""

# A mark that no file has: what could not be opened is looked at again by every scan, since a change
# of its permissions would not show in size or time.
_NEVER_KNOWN = -1
# Errors of the machine or of a share that pass by themselves, and say nothing about the file.
_PASSING = frozenset({EMFILE, ENFILE, ENOMEM, ENOTCONN, ESTALE, ETIMEDOUT})
_LARGEST = 2**63 - 1  # of PostgreSQL's bigint


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture may have at most."""

    file_bytes: int
    pixels: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole picture."""

    mark: FileMark
    content_hash: bytes
    width: int
    height: int
    exif: ExifTime | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is no frame as it is, and why."""

    mark: FileMark
    code: str
    reason: str


class Moving(Exception):  # noqa: N818 - not an error: the file is gone, or being written now
    """The file is not there, or changed while it was read: whoever changes it will be heard."""


ASIDE = ".hsi-removing-"
"""How the names of files begin that are about to be removed."""


def is_wanted(name: str) -> bool:
    """Whether a file's extension, in any case, says that it is a picture or a video."""
    return name.lower().endswith(PICTURES + VIDEOS) and not is_aside(name)


def is_aside(path: str) -> bool:
    """Whether a file is about to be removed; or was left so, if that is a while ago."""
    return path.rpartition("/")[2].startswith(ASIDE)


def read_picture(root: Path, relative: str, limits: Limits) -> tuple[Picture, bytes] | Refused:
    """Read a file: where it is a whole picture, what it is, and all of it.

    Raises `Moving`, and `Unavailable` where nothing can be read now.
    """
    path = root / relative
    mark = FileMark(0, _NEVER_KNOWN, 0)
    try:
        found = look(path)
        mark = mark_of(found)
        _refuse_by_name(relative, found)
        mark, data = read_below(root, path, limits)
        structure = read_structure(data, max_pixels=limits.pixels)
    except Invalid as error:
        return Refused(mark, error.code, str(error))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Moving from error
    except OSError as error:
        if error.errno in _PASSING:
            raise Unavailable(
                f"cannot read below {root}: {error.strerror}", code="ingest.unreadable"
            ) from error
        return Refused(replace(mark, mtime_ns=_NEVER_KNOWN), "file.unreadable", _why(error))
    content_hash = hashlib.sha256(data).digest()
    exif = read_exif_time(data)
    return Picture(mark, content_hash, structure.width, structure.height, exif), data


def look(place: Path | os.DirEntry[str]) -> os.stat_result:
    """What is in a place; for a link, what it leads to, so that a change there is seen.

    A link that leads nowhere is itself what is there. Raises `OSError`.
    """
    try:
        return place.stat()
    except OSError:
        return place.stat(follow_symlinks=False)


def mark_of(found: os.stat_result) -> FileMark:
    """By what a file is known again.

    Inodes of some file systems have 64 bits, and times some beyond the year 2262: both are brought
    into what the ledger can hold.
    """
    mtime_ns = max(-_LARGEST, min(found.st_mtime_ns, _LARGEST))
    return FileMark(found.st_size, mtime_ns, found.st_ino & _LARGEST)


def recorded_path(relative: str) -> str:
    """A path as text for a record: one that is too long is cut, and ends in digits of its hash."""
    text = path_as_text(relative)
    data = text.encode()
    if len(data) <= LONGEST_PATH:
        return text
    digits = hashlib.sha256(data).hexdigest()[:16]
    return f"{data[:LONGEST_PATH].decode(errors='ignore')}…{digits}"


def _why(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "we may not read this file: give us the permission"
    return f"it cannot be read: {error.strerror}"


def _refuse_by_name(relative: str, found: os.stat_result) -> None:
    """Refuse what need not be opened: it may be a device, which must not be."""
    if "/" not in relative:
        raise Invalid(
            "it lies directly in the media folder: put it into a folder named after its camera",
            code="file.no_camera",
        )
    if len(path_as_text(relative).encode()) > LONGEST_PATH:
        raise Invalid(f"its path is longer than {LONGEST_PATH} bytes", code="file.path_too_long")
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)):
        raise Invalid("it is not a file", code="file.not_a_file")
    if relative.lower().endswith(VIDEOS):
        raise Invalid("videos are not taken in yet, only pictures", code="file.video")


def read_below(root: Path, path: Path, limits: Limits) -> tuple[FileMark, bytes]:
    """All of a file that lies, also by its links, below the root.

    Raises `Invalid` for what is no such file, `Moving`, `OSError`.
    """
    try:
        # Not to wait for the other end of a FIFO that took the file's place meanwhile.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if isinstance(error, FileNotFoundError) or error.errno == ELOOP:
            _refuse_dead_link(path)
        raise
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        _refuse_by_content(root, descriptor, before, limits)
        data = file.read(limits.file_bytes + 1)
        if mark_of(os.fstat(descriptor)) != mark_of(before) or len(data) != before.st_size:
            raise Moving
    return mark_of(before), data


def _refuse_dead_link(path: Path) -> None:
    if path.is_symlink():
        raise Invalid("it is a link that leads nowhere", code="file.dead_link")


def _refuse_by_content(root: Path, descriptor: int, found: os.stat_result, limits: Limits) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Invalid("it is not a file", code="file.not_a_file")
    real = Path(f"/proc/self/fd/{descriptor}").readlink()
    if not real.is_relative_to(root.resolve()):
        raise Invalid("it is a link out of the media folder", code="file.outward_link")
    if found.st_size > limits.file_bytes:
        raise Invalid(
            f"it has {found.st_size} bytes, more than {limits.file_bytes} (INGEST__MAX_FILE_BYTES)",
            code="file.too_large",
        )
