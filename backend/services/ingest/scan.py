"""Lists the files below the media root, a slice at a time."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

from backend.core.disk_threads import InThread
from backend.services.ingest.reading import is_aside, is_wanted, look, mark_of
from backend.services.ingest.stage import FoundFile

SLICE = 256
SLICE_SECONDS = 1.0


def walk(root: Path, below: str, found_by: str) -> Iterator[FoundFile | None]:
    """All wanted files below a folder of the root, folder by folder; links are not followed.

    None comes for each folder and each other entry, so that one may stop there: on a far disk each
    takes its time. In memory are the entries of one folder, and the names of folders yet to come.
    """
    pending = [below]
    while pending:
        folder = pending.pop()
        try:
            entries = sorted(os.scandir(root / folder), key=lambda e: e.name, reverse=True)
        except OSError:  # gone meanwhile, or not ours to read
            entries = []
        yield None
        while entries:
            entry = entries.pop()  # let go of at once: it keeps what `stat` has told
            relative = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                pending.append(relative)
                yield None
            else:
                is_ours = is_wanted(entry.name) or is_aside(entry.name)
                yield _found(entry, relative, found_by) if is_ours else None


def _next_slice(
    steps: Iterator[FoundFile | None], monotonic: Callable[[], float]
) -> tuple[Sequence[FoundFile], bool]:
    """The next files of a walk, and whether they are the last.

    It ends after its time too: so it has an answer before anybody stops waiting, and who hears a
    hung disk again finds that its time is over, and does not walk on for nobody.
    """
    until = monotonic() + SLICE_SECONDS
    files: list[FoundFile] = []
    for step in steps:
        if step is not None:
            files.append(step)
        if len(files) == SLICE or monotonic() > until:
            return files, False
    return files, True


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
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Sequence[FoundFile]]:
    """The files below a folder, in slices, read in a thread."""
    steps, is_last = walk(root, below, found_by), False
    while not is_last:
        files, is_last = await in_thread(_next_slice, steps, monotonic)
        if files:
            yield files
