"""Looks at claimed frames: reads each picture, decodes it once, and asks the detector."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog

from backend.core import metrics
from backend.core.breaker import Breaker
from backend.core.content_store import write_whole
from backend.core.disk_threads import InThread
from backend.core.errors import Invalid, NotFound, Unavailable
from backend.domain.frames import FrameState, WaitingFrame
from backend.domain.thumbnails import thumbnail_path
from backend.services.detection.detector import Detector, Findings, Pixels, View
from backend.services.detection.picture import draw_thumbnail
from backend.services.detection.reader import NoOriginal, PictureReader
from backend.services.detection.tracking import Sight, Tracker, Tracks
from backend.services.stores.knowledge import Knowledge

# Longer than a sound detector needs; `hsi up` kills its processes after four.
_LAST_PICTURE_SECONDS = 2.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame that was looked at: what was found, and what of it is news; or why it never can be
    looked at (`state`, `reason`)."""

    frame: WaitingFrame
    findings: Findings | None = None
    sight: Sight = field(default_factory=Sight)
    state: FrameState = FrameState.EMPTY
    reason: str | None = None


@dataclass(slots=True)
class Examination:
    """What came of a batch.

    `failed` are frames at which an unexpected error happened. `uncounted` are those whose attempt
    does not count: they had to wait, because something was unavailable, or for the stop. `without`
    are those of them whose copy is gone, and the cameras' folder too: they alone wait for it.
    `memory` and `tracks` are those of the camera after the frames that were seen; `looked_at` is
    when the last of these was taken.
    """

    seen: list[Seen] = field(default_factory=list)
    without: list[WaitingFrame] = field(default_factory=list)
    failed: dict[int, Exception] = field(default_factory=dict)
    uncounted: list[int] = field(default_factory=list)
    memory: bytes | None = None
    tracks: Tracks = ()
    looked_at: datetime | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the detector answered for at least one frame."""
        return any(one.findings is not None for one in self.seen)


class Examiner:
    """Looks at the frames of one camera in order; decodes the next while the detector is at one.

    A frame that shows news gets its thumbnail from the same decoded picture. The breaker is around
    all that has to be there for it: the detector, and the pictures' disk.
    """

    def __init__(
        self,
        detector: Detector,
        reader: PictureReader,
        tracker: Tracker,
        thumbnails: Path,
        breaker: Breaker,
        in_thread: InThread = asyncio.to_thread,
    ) -> None:
        self.detector = detector
        self._reader = reader
        self._tracker = tracker
        self._thumbnails = thumbnails
        self._breaker = breaker
        self._in_thread = in_thread
        self._stopped = False
        self._limit: asyncio.Timeout | None = None

    async def ready(self) -> None:
        """Wait until there is a point in looking: nothing is known to be unavailable."""
        await self._breaker.ready()

    def stop(self) -> None:
        """Begin no further picture, for good; the one at hand has 2 s left."""
        self._stopped = True
        if self._limit is not None:
            now = asyncio.get_running_loop().time()
            self._limit.reschedule(now + _LAST_PICTURE_SECONDS)

    async def examine(self, batch: Sequence[WaitingFrame], knowledge: Knowledge) -> Examination:
        """Look at all frames of a batch, unless something becomes unavailable, or it is stopped."""
        tracks = tuple(knowledge.tracks.values())
        examination = Examination(
            memory=knowledge.memory, tracks=tracks, looked_at=knowledge.looked_at
        )
        try:
            async with asyncio.timeout(None) as self._limit:
                await self._examine_all(batch, knowledge, examination)
        except TimeoutError:
            log.warning("a picture took too long for the stop")
        finally:
            self._limit = None
        looked_at = examination.failed.keys() | {one.frame.id for one in examination.seen}
        examination.uncounted = [frame.id for frame in batch if frame.id not in looked_at]
        return examination

    async def _examine_all(
        self, batch: Sequence[WaitingFrame], knowledge: Knowledge, examination: Examination
    ) -> None:
        reading = ahead = self._begin_reading(batch[0], knowledge)
        try:
            for i, frame in enumerate(batch):
                if self._stopped:
                    break
                reading = ahead
                if i + 1 < len(batch):
                    ahead = self._begin_reading(batch[i + 1], knowledge)
                await self._examine_one(frame, reading, knowledge, examination)
        except Unavailable:
            pass  # the breaker knows; the rest of the batch waits
        finally:
            for begun in (reading, ahead):
                begun.cancel()
            await asyncio.gather(reading, ahead, return_exceptions=True)

    def _begin_reading(self, frame: WaitingFrame, knowledge: Knowledge) -> "asyncio.Task[Pixels]":
        masks = knowledge.drawings.masks
        return asyncio.create_task(self._reader.read(frame, masks, longest=self.detector.sight))

    async def _examine_one(
        self,
        frame: WaitingFrame,
        reading: "asyncio.Task[Pixels]",
        knowledge: Knowledge,
        examination: Examination,
    ) -> None:
        pixels = None
        try:
            with self._breaker.call():
                pixels = await reading
                await self._detect(frame, pixels, knowledge, examination)
        except NoOriginal:
            examination.without.append(frame)
        except NotFound as error:
            examination.seen.append(Seen(frame, state=FrameState.BURIED, reason=str(error)))
        except Invalid as error:
            state = FrameState.QUARANTINED if pixels is None else FrameState.BURIED
            examination.seen.append(Seen(frame, state=state, reason=str(error)))
        except Unavailable:
            raise
        except Exception as error:
            if not examination.failed:  # one trace a batch; the ledger has the others' reasons
                log.exception("a frame could not be looked at", frame_id=frame.id)
            examination.failed[frame.id] = error

    async def _detect(
        self, frame: WaitingFrame, pixels: Pixels, knowledge: Knowledge, examination: Examination
    ) -> None:
        view = View(frame.camera_id, frame.captured_at, pixels)
        with metrics.DETECT_SECONDS.time():
            findings = await self.detector.detect(view, examination.memory)
        sight, tracks = await self._tracker.look(
            knowledge, examination.tracks, view, findings.detections, examination.looked_at
        )
        if sight.news:
            await self._in_thread(self._keep_thumbnail, frame, pixels, sight)
        # Not before: what fails until here is tried again, and then must not have been seen yet.
        examination.memory, examination.tracks = findings.memory, tracks
        examination.looked_at = frame.captured_at
        state = FrameState.ATTACHED if sight.news else FrameState.EMPTY
        examination.seen.append(Seen(frame, findings, sight, state))

    def _keep_thumbnail(self, frame: WaitingFrame, pixels: Pixels, sight: Sight) -> None:
        shown = [one.detection for one in sight.news]
        try:
            write_whole(thumbnail_path(self._thumbnails, frame.id), draw_thumbnail(pixels, shown))
        except OSError as error:
            raise Unavailable(
                f"cannot write to {self._thumbnails}: {error.strerror}",
                code="thumbnails.unwritable",
            ) from error
