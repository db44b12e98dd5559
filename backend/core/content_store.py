"""Files named by what they hold: written once, never changed."""

import os
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
            if not path.exists():
                write_whole(path, data)
        except OSError as error:
            raise Unavailable(
                f"cannot write to {self._folder}: {error.strerror}", code="pictures.unwritable"
            ) from error

    def read(self, content_hash: bytes) -> bytes:
        """The content with this hash. Raises `NotFound`, or `Unavailable` for a disk that fails."""
        try:
            return self.path(content_hash).read_bytes()
        except FileNotFoundError as error:
            if not self._folder.is_dir():
                raise Unavailable(
                    f"the folder {self._folder} is not there", code="pictures.unreadable"
                ) from error
            raise NotFound("the picture's copy is gone", code="pictures.missing") from error
        except OSError as error:
            raise Unavailable(
                f"cannot read from {self._folder}: {error.strerror}", code="pictures.unreadable"
            ) from error


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
