"""Folders that a server of another user can pass."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.core.errors import Unavailable


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
