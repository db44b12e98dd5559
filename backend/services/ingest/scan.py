"""Lists the files below the media root, a slice at a time."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from pathlib import Path

from backend.core.disk_threads import InThread
from backend.services.ingest.reading import is_wanted, look, mark_of
from backend.services.ingest.stage import FoundFile

SLICE = 256


def walk(root: Path, below: str, found_by: str) -> Iterator[FoundFile]:
    """All wanted files below a folder of the root, folder by folder; links are not followed.

    In memory are the entries of one folder, and the names of folders yet to come.
    """
    pending = [below]
    while pending:
        folder = pending.pop()
        try:
            entries = sorted(os.scandir(root / folder), key=lambda e: e.name, reverse=True)
        except OSError:  # gone meanwhile, or not ours to read
            continue
        while entries:
            entry = entries.pop()  # let go of at once: it keeps what `stat` has told
            relative = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                pending.append(relative)
            elif is_wanted(entry.name):
                found = _found(entry, relative, found_by)
                if found is not None:
                    yield found


def _found(entry: os.DirEntry[str], relative: str, found_by: str) -> FoundFile | None:
    try:
        return FoundFile(relative, found_by, mark_of(look(entry)))
    except FileNotFoundError:
        return None
    except OSError:  # we may list the folder and not look into it: reading says why
        return FoundFile(relative, found_by)


async def slices(
    root: Path,
    below: str = "",
    *,
    found_by: str = "scan",
    in_thread: InThread = asyncio.to_thread,
) -> AsyncIterator[Sequence[FoundFile]]:
    """The files below a folder, in slices, read in a thread."""
    files = walk(root, below, found_by)
    while batch := await in_thread(lambda: list(islice(files, SLICE))):
        yield batch
