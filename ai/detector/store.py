"""Pictures that are named by their path on a store that we and our clients share."""

import os
import stat
from contextlib import ExitStack
from errno import ELOOP, ENAMETOOLONG
from pathlib import Path, PurePosixPath

from backend.core.errors import Invalid, NotFound, Unavailable

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not to wait for the other end of a FIFO.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_below(root: Path, name: str, *, most_bytes: int) -> bytes:
    """All of a file below the root.

    Each step of the path is opened from the one before, and no link is followed, so that nothing
    outside can be reached whatever the path says, or becomes meanwhile. Raises `Invalid`,
    `NotFound`, `Unavailable`.
    """
    *folders, file = _steps(name)
    with ExitStack() as opened:

        def step(part: str | Path, flags: int, at: int | None) -> int:
            descriptor = os.open(part, flags, dir_fd=at)
            opened.callback(os.close, descriptor)
            return descriptor

        try:
            at = step(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, None)
            for folder in folders:
                at = step(folder, _FOLDER, at)
            return _content(step(file, _FILE, at), most_bytes)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound("there is no such file on the store", code="store.missing") from error
        except OSError as error:
            if error.errno == ELOOP:
                raise _refused("links are not followed") from error
            if error.errno == ENAMETOOLONG:
                raise _refused("it is too long") from error
            raise Unavailable(
                f"the store cannot be read: {error.strerror}", code="store.unreadable"
            ) from error


def _steps(name: str) -> tuple[str, ...]:
    try:
        os.fsencode(name)
    except UnicodeEncodeError as error:
        raise _refused("it is no text") from error
    steps = PurePosixPath(name).parts
    if not steps or name.startswith("/") or ".." in steps or "\0" in name:
        raise _refused("it must be a relative path without `..`")
    return steps


def _content(descriptor: int, most_bytes: int) -> bytes:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise _refused("it is not a file")
    with os.fdopen(os.dup(descriptor), "rb") as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise Invalid(f"at most {most_bytes} bytes are taken", code="picture.too_large")
    return data


def _refused(why: str) -> Invalid:
    return Invalid(f"path: {why}", code="store.path")
