"""Takes files into the ledger: each is a frame, or is quarantined with a reason."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog

from backend.core import metrics
from backend.core.clock import Clock
from backend.core.content_store import ContentStore
from backend.core.database import Database, Session
from backend.core.errors import Unavailable
from backend.core.queue import Bells
from backend.domain.captured import capture_time
from backend.domain.frames import Arrival, FileMark, Lane
from backend.domain.paths import path_as_text
from backend.services.ingest.cameras import camera_of_folder
from backend.services.ingest.reading import Limits, Moving, Picture, Refused, read_picture
from backend.services.stores import cameras, frames, quarantine
from backend.services.stores.cameras import KnownCamera
from backend.services.stores.quarantine import BadFile

log = structlog.get_logger(__name__)

_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file below the media root; `relative` is its path as Python has it.

    `mark` is known where a scan has asked for it, so that a file in the ledger need not be read.
    """

    relative: str
    found_by: str
    mark: FileMark | None = None

    @property
    def folder(self) -> str:
        """The camera's folder; empty for a file directly in the root."""
        return self.relative.partition("/")[0] if "/" in self.relative else ""

    @property
    def below_folder(self) -> str:
        """The path below the camera's folder, as text."""
        return path_as_text(self.relative.partition("/")[2])


class FrameSource(Protocol):
    """Where files come from."""

    def batches(self) -> AsyncIterator[Sequence[FoundFile]]:
        """Files that may be complete, as they are found. One may come again at any time."""
        ...


@dataclass(frozen=True, slots=True)
class Intake:
    """Where files are taken from and to, and what they may be."""

    root: Path
    store: ContentStore
    limits: Limits
    zone: ZoneInfo
    remove_after_import: bool = False


class Ingest:
    """Takes files in, a batch at a time: copied and hashed, then one transaction, then the bells.

    The same file (camera, path, content) is one frame, however often it is found.
    """

    def __init__(self, intake: Intake, database: Database, bells: Bells, clock: Clock) -> None:
        self._intake = intake
        self._database = database
        self._bells = bells
        self._clock = clock

    async def run(self, source: FrameSource) -> None:
        """Take in what a source finds. What cannot be stored now is kept until it can."""
        async for batch in source.batches():
            while True:
                try:
                    await self.handle(batch)
                    break
                except Unavailable as error:
                    log.warning("files wait to be taken in", files=len(batch), reason=str(error))
                    await self._clock.sleep(_RETRY_SECONDS)

    async def handle(self, batch: Sequence[FoundFile]) -> None:
        """Take a batch of files in. Raises `Unavailable` where database or disk cannot take it."""
        files = list({file.relative: file for file in batch}.values())
        fresh = await self._without_known(files)
        if not fresh:
            return
        received_at = self._clock.now()
        outcomes = await asyncio.gather(*(asyncio.to_thread(self._read, file) for file in fresh))
        taken = [(f, o) for f, o in zip(fresh, outcomes, strict=True) if isinstance(o, Picture)]
        refused = [
            BadFile(path_as_text(f.relative), o.mark, o.code, o.reason)
            for f, o in zip(fresh, outcomes, strict=True)
            if isinstance(o, Refused)
        ]
        async with self._database.transaction() as session:
            rung = await self._receive(session, taken, received_at)
            await quarantine.put(session, refused, now=received_at)
        await self._tell(rung, refused)
        if self._intake.remove_after_import:
            await asyncio.to_thread(self._remove, [file for file, _ in taken])

    async def _without_known(self, files: Sequence[FoundFile]) -> list[FoundFile]:
        """Leave out what a scan found and we know as it is, and what a deleted camera got."""
        async with self._database.transaction() as session:
            deleted = await self._count_ignored(session, files)
            known = await self._known(session, [file for file in files if file.mark is not None])
        return [
            file
            for file in files
            if file.folder not in deleted and file.mark not in known.get(file.relative, ())
        ]

    async def _count_ignored(self, session: Session, files: Sequence[FoundFile]) -> set[str]:
        deleted = set()
        for folder in sorted({file.folder for file in files if file.folder}):
            camera = await cameras.by_folder(session, path_as_text(folder))
            if camera is not None and camera.deleted:
                deleted.add(folder)
                came = sum(f.folder == folder and f.found_by == "watch" for f in files)
                await cameras.count_ignored(session, camera.id, came)
        return deleted

    async def _known(
        self, session: Session, files: Sequence[FoundFile]
    ) -> dict[str, set[FileMark]]:
        """By relative path, the marks under which the ledger or the quarantine has a file."""
        known: dict[str, set[FileMark]] = {}
        bad = await quarantine.known_marks(session, [path_as_text(f.relative) for f in files])
        for folder in {file.folder for file in files if file.folder}:
            camera = await cameras.by_folder(session, path_as_text(folder))
            if camera is None:
                continue
            paths = [file.below_folder for file in files if file.folder == folder]
            marks = await frames.known_marks(session, camera.id, paths)
            for file in files:
                if file.folder == folder:
                    known[file.relative] = marks.get(file.below_folder, set())
        for file in files:
            mark = bad.get(path_as_text(file.relative))
            if mark is not None:
                known.setdefault(file.relative, set()).add(mark)
        return known

    def _read(self, file: FoundFile) -> Picture | Refused | None:
        try:
            return read_picture(
                self._intake.root, file.relative, self._intake.store, self._intake.limits
            )
        except Moving:
            return None

    async def _receive(
        self,
        session: Session,
        taken: Sequence[tuple[FoundFile, Picture]],
        received_at: datetime,
    ) -> set[tuple[int, Lane]]:
        """Store the frames; the cameras that got new ones, with the lanes to ring for."""
        if not taken:
            return set()
        by_folder = {
            folder: await camera_of_folder(session, folder, now=received_at)
            for folder in sorted({file.folder for file, _ in taken})
        }
        arrivals = [
            self._arrival(by_folder[file.folder], file, picture, received_at)
            for file, picture in taken
        ]
        # In one order everywhere, so that two that receive the same files do not deadlock.
        arrivals.sort(key=lambda a: (a.camera_id, a.path, a.content_hash))
        new = await frames.receive(session, arrivals)
        await quarantine.release(
            session, [path_as_text(file.relative) for file, _ in taken], now=received_at
        )
        return {
            (a.camera_id, Lane.LIVE if a.found_by == "watch" else Lane.BACKLOG)
            for a in arrivals
            if a.camera_id in new
        }

    def _arrival(
        self, camera: KnownCamera, file: FoundFile, picture: Picture, received_at: datetime
    ) -> Arrival:
        captured = capture_time(
            picture.exif,
            modified_at=_moment(picture.mark.mtime_ns, received_at),
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
        )

    async def _tell(self, rung: set[tuple[int, Lane]], refused: Sequence[BadFile]) -> None:
        for file in refused:
            metrics.FILES_QUARANTINED.labels(code=file.code).inc()
            log.warning("file quarantined", path=file.path, code=file.code, reason=file.reason)
        try:
            for camera_id, lane in sorted(rung):
                await self._bells.ring(str(camera_id), lane)
        except Unavailable as error:
            # The frames are in the ledger; the reconciler rings for them once Redis is back.
            log.warning("no bell for new frames", reason=str(error))

    def _remove(self, files: Sequence[FoundFile]) -> None:
        for file in files:
            try:
                (self._intake.root / file.relative).unlink(missing_ok=True)
            except OSError as error:
                log.warning("file not removed", path=file.relative, reason=error.strerror)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _moment(mtime_ns: int, received_at: datetime) -> datetime:
    """A file's time. One beyond the calendar counts as a time in the future."""
    try:
        return _EPOCH + timedelta(microseconds=mtime_ns // 1000)
    except OverflowError:
        return received_at + timedelta(days=1)
