"""Takes files into the ledger: each is a frame, or is quarantined with a reason."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog

from backend.core import metrics
from backend.core.breaker import Breaker
from backend.core.clock import Clock
from backend.core.content_store import ContentStore
from backend.core.database import Database, Session
from backend.core.disk_threads import InThread
from backend.core.errors import Unavailable
from backend.core.queue import Bells
from backend.domain.captured import capture_time
from backend.domain.frames import Arrival, FileMark, FrameState, Lane
from backend.domain.paths import path_as_text, text_as_path
from backend.services.ingest.cameras import camera_of_folder
from backend.services.ingest.floods import with_floods_skipped
from backend.services.ingest.late import LateFiles
from backend.services.ingest.reading import (
    Limits,
    Moving,
    Picture,
    Refused,
    is_aside,
    read_picture,
    recorded_path,
)
from backend.services.ingest.removal import remove, show
from backend.services.stores import cameras, frames, quarantine
from backend.services.stores.cameras import KnownCamera
from backend.services.stores.quarantine import BadFile

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file below the media root; `relative` is its path as Python has it.

    `mark` is known where a scan has asked for it, so that a file in the ledger need not be read.
    `completed_at` is when the kernel said that it was closed after writing, or moved here.
    """

    relative: str
    found_by: str
    mark: FileMark | None = None
    completed_at: datetime | None = None

    @property
    def folder(self) -> str:
        """The camera's folder; empty for a file directly in the root."""
        return self.relative.partition("/")[0] if "/" in self.relative else ""

    @property
    def below_folder(self) -> str:
        """The path below the camera's folder, as text."""
        return path_as_text(self.relative.partition("/")[2])

    @property
    def recorded(self) -> str:
        """The path below the media root, as text for the quarantine."""
        return recorded_path(self.relative)


class FrameSource(Protocol):
    """Where files come from."""

    def batches(self) -> AsyncGenerator[Sequence[FoundFile], None]:
        """Files that may be complete, as they are found. One may come again at any time."""
        ...


_REMOVING_SECONDS = 10.0
"""The database ends a transaction that is idle for 20 s, and with it the hold on the cameras."""
_AT_ONCE = 6  # files that are in memory: read, and not stored yet


async def _any_disk() -> None:
    pass


def _not_at_all() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Intake:
    """Where files are taken from and to, and what they may be.

    `check_disk` raises `Unavailable` where another disk is in the place of the store's.
    `looked_at_since` says since when pictures have been looked at without a break; None while they
    are not. What is done on the disk of the root is done `in_media_thread`, what on the store's
    `in_store_thread`: either may stop to answer.
    """

    root: Path
    store: ContentStore
    limits: Limits
    zone: ZoneInfo
    remove_after_import: bool = False
    flood_after: int = 1000
    """So many frames of one camera may pile up before only one of a second goes to them."""
    looked_at_since: Callable[[], datetime | None] = _not_at_all
    check_disk: Callable[[], Awaitable[None]] = _any_disk
    in_media_thread: InThread = asyncio.to_thread
    in_store_thread: InThread = asyncio.to_thread


class SomeLeft(Unavailable):
    """Of a batch these files could not be read; the others are taken in."""

    def __init__(self, left: Sequence[FoundFile], why: Unavailable) -> None:
        super().__init__(str(why), code=why.code)
        self.left = left


class Ingest:
    """Takes files in, a batch at a time: copied and hashed, then one transaction, then the bells.

    The same file (camera, path, content) is one frame, however often it is found. `breaker` is
    around all that must be there to take files in: the database, and the pictures' disk. `late` is
    the source of files that alone gave no answer in time.
    """

    def __init__(self, intake: Intake, database: Database, bells: Bells, clock: Clock) -> None:
        self._intake = intake
        self._database = database
        self._bells = bells
        self._clock = clock
        self.breaker = Breaker("intake", clock)
        self.late = LateFiles(intake.in_media_thread)
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def run(self, source: FrameSource) -> None:
        """Take in what a source finds. What cannot be stored now is kept until it can."""
        async with aclosing(source.batches()) as batches:
            async for batch in batches:
                await self._handle_until_taken(batch)

    async def _handle_until_taken(self, batch: Sequence[FoundFile]) -> None:
        while True:
            await self.breaker.ready()
            try:
                with self.breaker.call():
                    return await self.handle(batch)
            except Unavailable as error:
                batch = error.left if isinstance(error, SomeLeft) else batch
                log.warning("files wait to be taken in", files=len(batch), reason=str(error))

    async def handle(self, batch: Sequence[FoundFile]) -> None:
        """Take a batch of files in. Raises `Unavailable` where database or disk cannot take it.

        Where that is so with some of the files, the others are taken, and it is `SomeLeft`.
        """
        for file in batch:
            if is_aside(file.relative):
                await self._settle_aside(file)
        found = {file.relative: file for file in batch if not is_aside(file.relative)}
        fresh, ignored, piled_up = await self._sort(found.values())
        if not fresh and not ignored:
            return
        await self._intake.check_disk()
        outcomes = await self._read_all(fresh)
        # Not before the reading: what was written meanwhile would seem to come from the future.
        received_at = self._clock.now()
        taken = [(f, o) for f, o in zip(fresh, outcomes, strict=True) if isinstance(o, Picture)]
        refused = [
            BadFile(f.recorded, o.mark, o.code, o.reason)
            for f, o in zip(fresh, outcomes, strict=True)
            if isinstance(o, Refused)
        ]
        failed = [
            (f, o) for f, o in zip(fresh, outcomes, strict=True) if isinstance(o, Unavailable)
        ]
        await self._intake.check_disk()  # what was copied to another one has no frames
        async with self._database.transaction() as session:
            for camera_id, files in sorted(ignored.items()):
                await cameras.count_ignored(session, camera_id, files)
            new = await self._receive(session, taken, received_at, piled_up)
            await quarantine.put(session, refused, now=received_at)
        await self._tell(new, refused)
        if taken and self._intake.remove_after_import:
            await self._remove(taken)
        if failed:
            raise SomeLeft([file for file, _ in failed], failed[0][1])

    async def _sort(
        self, files: Collection[FoundFile]
    ) -> tuple[list[FoundFile], Mapping[int, int], Mapping[int, int]]:
        """The files to read, how many came for each camera that was deleted, and how many frames
        have piled up at each of the others.

        What a scan found and we know as it is need not be read.
        """
        async with self._database.transaction() as session:
            by_folder = await cameras.by_folders(
                session,
                {path_as_text(file.folder) for file in files if file.folder},
                looked_at_since=self._intake.looked_at_since(),
                count_to=self._intake.flood_after,
            )
            known = await self._known(session, files, by_folder)
        fresh: list[FoundFile] = []
        ignored: Counter[int] = Counter()
        for file in files:
            camera = by_folder.get(path_as_text(file.folder))
            if camera is None or not camera.deleted:
                if file.relative not in known:
                    fresh.append(file)
            elif file.found_by == "watch":  # a scan finds the same ones every day
                ignored[camera.id] += 1
        return fresh, ignored, {one.id: one.piled_up for one in by_folder.values()}

    async def _known(
        self,
        session: Session,
        files: Collection[FoundFile],
        by_folder: Mapping[str, KnownCamera],
    ) -> set[str]:
        """The relative paths of files that are as the quarantine, or else the ledger, has them."""
        marks = {file.relative: file.mark for file in files if file.mark is not None}
        bad = await quarantine.known_marks(session, [recorded_path(name) for name in marks])
        known = {name for name, mark in marks.items() if bad.get(recorded_path(name)) == mark}
        if self._intake.remove_after_import:
            # What the ledger has and is still here has yet to be removed; and nothing is removed
            # on the word of a mark, without being read.
            return known
        for folder, camera in by_folder.items():
            # A quarantined file that has changed is read, even if it is a known frame again: only
            # then is it released.
            asked = {
                file.below_folder: file.mark
                for file in files
                if path_as_text(file.folder) == folder
                and file.mark is not None
                and file.recorded not in bad
            }
            paths = await frames.known_paths(session, camera.id, asked)
            known |= {f"{text_as_path(folder)}/{text_as_path(path)}" for path in paths}
        return known

    async def _read_all(
        self, files: Sequence[FoundFile]
    ) -> list[Picture | Refused | Unavailable | None]:
        """What came of each file; when this ends, no reading goes on that is not late."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._read(file)) for file in files]
        except ExceptionGroup as bugs:
            raise bugs.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _read(self, file: FoundFile) -> Picture | Refused | Unavailable | None:
        """Read a file, and copy it to the store where it is a whole picture.

        None where it is found again, since it is changing, or late.
        """
        intake = self._intake
        work = partial(read_picture, intake.root, file.relative, intake.limits)
        async with self._at_once:
            try:
                read = await self.late.read(file, work)
                if read is None or isinstance(read, Refused):
                    return read
                picture, data = read
                await intake.in_store_thread(intake.store.put, picture.content_hash, data)
            except Moving:
                return None
            except Unavailable as error:
                return error
            return picture

    async def _receive(
        self,
        session: Session,
        taken: Sequence[tuple[FoundFile, Picture]],
        received_at: datetime,
        piled_up: Mapping[int, int],
    ) -> "New":
        """Store the frames, and count those that nobody will look at."""
        if not taken:
            return New()
        by_folder = {
            folder: await camera_of_folder(session, folder, now=received_at)
            for folder in sorted({file.folder for file, _ in taken})
        }
        arrivals = [
            self._arrival(by_folder[file.folder], file, picture, received_at)
            for file, picture in taken
        ]
        if self._intake.looked_at_since() is not None:
            most = self._intake.flood_after
            arrivals = await with_floods_skipped(session, arrivals, piled_up=piled_up, most=most)
        new = await frames.receive(session, arrivals)
        skipped = {camera_id: got.skipped for camera_id, got in new.items() if got.skipped}
        if skipped:
            await cameras.count_skipped(session, skipped, now=received_at)
        await quarantine.release(session, [file.recorded for file, _ in taken], now=received_at)
        slugs = {camera.id: camera.slug for camera in by_folder.values()}
        return New(
            {
                (a.camera_id, Lane.LIVE if a.found_by == "watch" else Lane.BACKLOG)
                for a in arrivals
                if a.skipped is None and a.camera_id in new and new[a.camera_id].waiting
            },
            {slugs[camera_id]: number for camera_id, number in skipped.items()},
        )

    def _arrival(
        self, camera: KnownCamera, file: FoundFile, picture: Picture, received_at: datetime
    ) -> Arrival:
        captured = capture_time(
            picture.exif,
            modified_at=_moment(picture.mark.mtime_ns),
            received_at=received_at,
            zone=ZoneInfo(camera.time_zone) if camera.time_zone else self._intake.zone,
        )
        return Arrival(
            camera_id=camera.id,
            path=file.below_folder,
            mark=picture.mark,
            content_hash=picture.content_hash,
            width=picture.width,
            height=picture.height,
            received_at=received_at,
            captured_at=captured.at,
            captured_from=captured.source,
            clock_suspect=captured.clock_suspect,
            found_by=file.found_by,
            completed_at=file.completed_at,
        )

    async def _tell(self, new: "New", refused: Sequence[BadFile]) -> None:
        for file in refused:
            metrics.FILES_QUARANTINED.labels(code=file.code).inc()
            log.warning("file quarantined", path=file.path, code=file.code, reason=file.reason)
        for slug, number in new.skipped.items():
            metrics.FRAMES_FINISHED.labels(state=FrameState.SKIPPED.value).inc(number)
            metrics.FRAMES_SKIPPED.labels(camera=slug).inc(number)
            # The same words each time, so that the log has them once a second.
            log.warning("a camera floods, not all of its pictures are looked at", camera=slug)
        try:
            for camera_id, lane in sorted(new.rung):
                await self._bells.ring(str(camera_id), lane)
        except Unavailable as error:
            # The frames are in the ledger; the reconciler rings for them once Redis is back.
            log.warning("no bell for new frames", reason=str(error))

    async def _remove(self, taken: Sequence[tuple[FoundFile, Picture]]) -> None:
        """Remove the files that are in the ledger. What stays for now, a scan finds again."""
        try:
            async with self._database.transaction() as session:
                # Their cameras, and so their frames, cannot be deleted until the files are gone.
                ids = await cameras.hold(session, {path_as_text(file.folder) for file, _ in taken})
                contents = [
                    (ids[path_as_text(file.folder)], file.below_folder, picture.content_hash)
                    for file, picture in taken
                ]
                stored = await frames.stored(session, contents)
                ours = [one for one, key in zip(taken, contents, strict=True) if key in stored]
                await self._intake.in_media_thread(self._unlink, ours)
        except Unavailable as error:
            log.warning("files not removed", files=len(taken), reason=str(error))

    def _unlink(self, taken: Sequence[tuple[FoundFile, Picture]]) -> None:
        """Remove files, but not those that have been replaced meanwhile; and not for long."""
        until = self._clock.monotonic() + _REMOVING_SECONDS

        def is_late() -> bool:
            return self._clock.monotonic() > until

        for file, picture in taken:
            try:
                remove(self._intake.root / file.relative, picture.mark, is_late)
            except FileNotFoundError:
                continue
            except OSError as error:
                log.warning("file not removed", path=file.recorded, reason=error.strerror)
            if is_late():
                log.warning("files are removed later: their disk is slow", path=file.recorded)
                return

    async def _settle_aside(self, file: FoundFile) -> None:
        """What a removal that was broken off has left: its end, or what nobody read is shown."""
        intake, path = self._intake, self._intake.root / file.relative
        try:
            if not await intake.in_media_thread(self._is_left, path):
                return
            work = partial(read_picture, intake.root, file.relative, intake.limits)
            read = await intake.in_media_thread(work)
            async with self._database.transaction() as session:
                is_known = not isinstance(read, Refused) and await frames.has_content(
                    session, path_as_text(file.folder), read[0].content_hash
                )
            await intake.in_media_thread(path.unlink if is_known else partial(show, path))
        except (Moving, OSError) as error:
            log.warning("a file that was put aside stays", path=file.recorded, reason=str(error))

    def _is_left(self, path: Path) -> bool:
        """Whether nobody can be at it any more, in a removal of now."""
        moved_at = datetime.fromtimestamp(path.lstat().st_ctime, UTC)
        return abs(self._clock.now() - moved_at) > timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class New:
    """What came of a batch: where to ring, and how many frames are skipped, by the slug."""

    rung: Collection[tuple[int, Lane]] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _moment(mtime_ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=mtime_ns // 1000)
