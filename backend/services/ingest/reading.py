"""Reads one file below the media root: is it whole, what is it, when was it taken?"""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from backend.core.content_store import ContentStore
from backend.core.errors import Invalid
from backend.domain.captured import ExifTime
from backend.domain.frames import FileMark
from backend.services.ingest.exif import read_exif_time
from backend.services.ingest.structure import read_structure

PICTURES = frozenset({".jpg", ".jpeg", ".png"})
VIDEOS = frozenset({".mp4", ".mkv", ".avi", ".mov"})
_LONGEST_PATH = 1024
# A mark that no file has: what could not be opened is looked at again by every scan, since a change
# of its permissions would not show in size or time.
_NEVER_KNOWN = -1


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture may have at most."""

    file_bytes: int
    pixels: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole picture whose copy is in the store."""

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


def is_wanted(name: str) -> bool:
    """Whether a file's extension, in any case, says that it is a picture or a video."""
    return os.path.splitext(name)[1].lower() in PICTURES | VIDEOS  # noqa: PTH122 - fast, and a str


def read_picture(
    root: Path, relative: str, store: ContentStore, limits: Limits
) -> Picture | Refused:
    """Read a file, and copy it to the store where it is a whole picture.

    Raises `Moving`, and `Unavailable` where the store takes nothing.
    """
    path = root / relative
    try:
        found = path.lstat()
    except OSError as error:
        raise Moving from error
    mark = mark_of(found)
    try:
        _refuse_by_name(relative, found)
        data = _read(root, path, limits)
        structure = read_structure(data, max_pixels=limits.pixels)
    except PermissionError:
        never_known = FileMark(mark.size, _NEVER_KNOWN, mark.inode)
        return Refused(
            never_known, "file.unreadable", "we may not read this file: give us the permission"
        )
    except Invalid as error:
        return Refused(mark, error.code, str(error))
    content_hash = hashlib.sha256(data).digest()
    store.put(content_hash, data)
    exif = read_exif_time(data)
    return Picture(mark, content_hash, structure.width, structure.height, exif)


def mark_of(found: os.stat_result) -> FileMark:
    """By what a file is known again."""
    return FileMark(found.st_size, found.st_mtime_ns, found.st_ino)


def _refuse_by_name(relative: str, found: os.stat_result) -> None:
    """Refuse what need not be opened: it may be a device, which must not be."""
    if "/" not in relative:
        raise Invalid(
            "it lies directly in the media folder: put it into a folder named after its camera",
            code="file.no_camera",
        )
    if len(os.fsencode(relative)) > _LONGEST_PATH:
        raise Invalid(f"its path is longer than {_LONGEST_PATH} bytes", code="file.path_too_long")
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)):
        raise Invalid("it is not a file", code="file.not_a_file")
    if Path(relative).suffix.lower() in VIDEOS:
        raise Invalid("videos are not taken in yet, only pictures", code="file.video")


def _read(root: Path, path: Path, limits: Limits) -> bytes:
    """All of a file that lies, also by its links, below the root."""
    try:
        # Not to wait for the other end of a FIFO that took the file's place meanwhile.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        raise
    except OSError as error:
        if path.is_symlink():
            raise Invalid("it is a link that leads nowhere", code="file.dead_link") from error
        raise Moving from error
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        _refuse_by_content(root, descriptor, before, limits)
        data = file.read(limits.file_bytes + 1)
        if mark_of(os.fstat(descriptor)) != mark_of(before) or len(data) != before.st_size:
            raise Moving
    return data


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
