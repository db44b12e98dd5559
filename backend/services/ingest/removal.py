"""Removes cameras' files that are in the ledger, and none that nobody has read."""

import os
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

from backend.domain.frames import FileMark
from backend.services.ingest.reading import ASIDE, look, mark_of


def remove(path: Path, mark: FileMark, is_late: Callable[[], bool]) -> None:
    """Remove a file if it is the one of this mark, and not late; one that took its name stays.

    It is put aside first, and judged there: else another could take the name between the look and
    the removal. Raises `OSError`.
    """
    if mark_of(look(path)) != mark or is_late():
        return
    aside = path.with_name(f"{ASIDE}{token_hex(8)}{path.suffix}")
    path.rename(aside)
    if mark_of(look(aside)) == mark and not is_late():
        aside.unlink()
    else:
        _put_back(aside, path)


def show(aside: Path) -> None:
    """Give a file that was put aside a name under which it is taken in. Raises `OSError`."""
    aside.rename(aside.with_name(f"put-back-{aside.name.removeprefix(ASIDE)}"))


def _put_back(aside: Path, path: Path) -> None:
    try:
        os.link(aside, path, follow_symlinks=False)
    except OSError:  # yet another has taken the name, or this disk knows no links
        show(aside)
    else:
        aside.unlink()
