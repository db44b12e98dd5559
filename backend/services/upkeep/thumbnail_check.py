"""The thumbnails against the ledger: what is missing, and what is no frame's."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from backend.core.content_store import is_unfinished
from backend.core.database import Database
from backend.core.errors import Invalid, NotFound, Unavailable
from backend.domain.thumbnails import PER_FOLDER, frame_of_thumbnail, thumbnail_path
from backend.services.stores import inventory
from backend.services.upkeep.verdicts import Progress, Tally, Verdict

DRAWN = "every frame that shows something has its thumbnail"
NEEDED = "every thumbnail is a frame's"
OURS = "nothing foreign lies among the thumbnails"


class Thumbnails(Protocol):
    """What draws thumbnails."""

    async def draw_again(self, frame_id: int) -> None:
        """Draw a frame's thumbnail from its picture's copy. Raises `NotFound`, `Invalid`."""
        ...


class ThumbnailCheck:
    """Looks at a thousand frames after the other.

    A frame is in the ledger before its thumbnail is written, and a deleted frame does not come
    back, so that a thumbnail without a frame is nobody's, whatever goes on.
    """

    def __init__(self, database: Database, folder: Path, thumbnails: Thumbnails) -> None:
        self._database = database
        self._folder = folder
        self._thumbnails = thumbnails

    async def run(self, before_ns: int, progress: Progress, *, repair: bool) -> list[Verdict]:
        """What holds and what does not. Half-written files count once they are that old."""
        drawn = Tally(DRAWN, "draws them again")
        needed = Tally(NEEDED, "removes them")
        ours = Tally(OURS)
        blocks, strange = await self._blocks()
        ours.add(map(str, strange))
        for done, block in enumerate(blocks, 1):
            await self._look(block, before_ns, (drawn, needed, ours), repair=repair)
            progress("thumbnails", done, len(blocks))
        return [drawn.verdict, needed.verdict, ours.verdict]

    async def remove_orphans(self, before_ns: int) -> int:
        """Remove what is no frame's; how much."""
        drawn, needed, ours = Tally(DRAWN), Tally(NEEDED), Tally(OURS)
        for block in (await self._blocks(on_disk_only=True))[0]:
            await self._look(block, before_ns, (drawn, needed, ours), repair=True, draw=False)
        return needed.mended

    async def _blocks(self, *, on_disk_only: bool = False) -> tuple[list[int], list[Path]]:
        """The thousands that are on the disk or in the ledger, and what else lies there."""
        names = await asyncio.to_thread(_names, self._folder)
        numbers = {int(name) for name in names if name.isascii() and name.isdecimal()}
        strange = [self._folder / name for name in names if not name.isdecimal()]
        if not on_disk_only:
            async with self._database.transaction() as session:
                numbers |= set(await inventory.attached_blocks(session, PER_FOLDER))
        return sorted(numbers), strange

    async def _look(
        self,
        block: int,
        before_ns: int,
        tallies: tuple[Tally, Tally, Tally],
        *,
        repair: bool,
        draw: bool = True,
    ) -> None:
        drawn, needed, ours = tallies
        folder = self._folder / str(block)
        paths = [folder / name for name in await asyncio.to_thread(_names, folder)]
        async with self._database.transaction() as session:
            first = block * PER_FOLDER
            frames = await inventory.frames_between(session, first, first + PER_FOLDER - 1)
        if draw:
            drawn.looked_at += sum(frames.values())
            await self._draw(sorted(i for i in frames if frames[i]), drawn, repair=repair)
        needed.looked_at += len(paths)
        ours.looked_at += len(paths)
        orphans = []
        for path in paths:
            if is_unfinished(path.name):
                orphans += [path] if await asyncio.to_thread(_is_older, path, before_ns) else []
            elif (frame_id := frame_of_thumbnail(path)) is None:
                ours.add([str(path)])
            elif frame_id not in frames:
                orphans.append(path)
        needed.add(f"{path} is no frame's" for path in orphans)
        if repair and orphans:
            await asyncio.to_thread(_unlink, orphans)
            needed.mended += len(orphans)

    async def _draw(self, attached: Sequence[int], tally: Tally, *, repair: bool) -> None:
        for frame_id in await asyncio.to_thread(self._without, attached):
            tally.add([f"frame {frame_id} has none"])
            if not repair:
                continue
            try:
                await self._thumbnails.draw_again(frame_id)
            except (NotFound, Invalid) as error:
                tally.leave(f"frame {frame_id}: {error}")
            else:
                tally.mended += 1

    def _without(self, attached: Sequence[int]) -> list[int]:
        return [i for i in attached if not thumbnail_path(self._folder, i).exists()]


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unavailable(
            f"cannot read from {folder}: {error.strerror}", code="thumbnails.unreadable"
        ) from error


def _is_older(path: Path, before_ns: int) -> bool:
    try:
        return path.stat().st_mtime_ns < before_ns
    except FileNotFoundError:
        return False


def _unlink(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
    with suppress(OSError):  # there is something in it still
        paths[0].parent.rmdir()
