"""Folders that a server of another user can pass, and files that are there whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.core.errors import Unavailable


def write_whole(path: Path, content: str, *, mode: int = 0o600) -> None:
    """Write a file under a temporary name, flush it, and rename it into place."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Raise Unavailable for what the folder does not let us do."""
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"cannot write to {folder}: {error.strerror}; choose another folder with --data",
            code="data_folder.unwritable",
        ) from error


def make_folder(folder: Path) -> None:
    """Make a folder of ours, with those above it; others may pass through, and see nothing.

    Only root has servers of another user; everybody else's folder is closed. Raises Unavailable.
    """
    mode = 0o711 if os.geteuid() == 0 else 0o700
    with writing_to(folder):
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(mode)
        probe = folder / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
