"""Files named by what they hold: written once, never changed."""

import os
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from backend.core.errors import NotFound, Unavailable


class ContentStore:
    """A folder of files under `<aa>/<SHA-256 in hex>`, `aa` being the hash's first two digits."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, content_hash: bytes) -> Path:
        """Where the content with this hash lies, or would lie."""
        name = content_hash.hex()
        return self._folder / name[:2] / name

    def put(self, content_hash: bytes, data: bytes) -> None:
        """Store content that has this hash; nothing to do where it is stored already.

        Afterwards it is on the disk, whole, also if the power fails. Raises `Unavailable` where the
        disk does not take it.
        """
        path = self.path(content_hash)
        try:
            if path.exists():
                return
            is_new_folder = not path.parent.exists()
            write_whole(path, data)
            _flush_names(path.parent)
            if is_new_folder:
                _flush_names(self._folder)
        except OSError as error:
            raise Unavailable(
                f"cannot write to {self._folder}: {error.strerror}", code="pictures.unwritable"
            ) from error

    def read(self, content_hash: bytes) -> bytes:
        """The content with this hash.

        Raises `NotFound` where it is gone, or no longer what it was; `Unavailable` where the whole
        folder cannot be read; `OSError` where it can, and this one file cannot.
        """
        try:
            data = self.path(content_hash).read_bytes()
        except OSError as error:
            self._check_folder()
            if not isinstance(error, FileNotFoundError):
                raise
            raise NotFound("the picture's copy is gone", code="pictures.missing") from error
        if sha256(data).digest() != content_hash:
            raise NotFound("the picture's copy is damaged", code="pictures.damaged")
        return data

    def _check_folder(self) -> None:
        """Raise `Unavailable` where the folder itself cannot be read, or is a mere mount point."""
        try:
            with os.scandir(self._folder) as entries:
                is_empty = next(entries, None) is None
        except OSError as error:
            raise _unreadable(self._folder, error.strerror) from error
        if is_empty:
            raise _unreadable(self._folder, "it is empty, as if it were not mounted")


def _unreadable(folder: Path, why: str | None) -> Unavailable:
    return Unavailable(f"cannot read from {folder}: {why}", code="pictures.unreadable")


def _flush_names(folder: Path) -> None:
    """Bring the names in a folder onto the disk: flushing a file does not flush its name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there either whole or not at all; its folder is made where it is not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fdatasync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
