"""Which camera folders are there, and their files cannot be found?"""

import os
from pathlib import Path

from backend.domain.paths import path_as_text

_LINK = (
    "it is a symbolic link, and those are not followed: put a real folder in its place "
    "(`mount --bind` shows another folder there)"
)
_BARRED = (
    "it may not be listed: give the user that runs the worker the right to read and to enter it"
)


def unseen_folders(root: Path) -> dict[str, str]:
    """Folders directly below the root, as text, whose files are not found, each with what to do.

    `.` is the root itself.
    """
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except FileNotFoundError:  # the watching says so
        return {}
    except OSError as error:
        return {".": _why(error)}
    advice = {path_as_text(entry.name): _advice(entry) for entry in entries}
    return {folder: words for folder, words in advice.items() if words is not None}


def _advice(entry: os.DirEntry[str]) -> str | None:
    if entry.is_symlink():
        return _LINK if os.path.isdir(entry) else None  # noqa: PTH112 - any error means no
    if not entry.is_dir():
        return None
    try:
        os.scandir(entry).close()
    except FileNotFoundError:
        return None
    except OSError as error:
        return _why(error)
    return None


def _why(error: OSError) -> str:
    return (
        _BARRED if isinstance(error, PermissionError) else f"it cannot be listed: {error.strerror}"
    )
