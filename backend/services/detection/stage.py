"""Frames in, detections out: claims, looks, and stores everything in one transaction."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import structlog

from backend.core import metrics
from backend.core.clock import Clock
from backend.core.database import Database, Session
from backend.core.errors import Unavailable
from backend.core.queue import Bell, Bells
from backend.domain.frames import FrameState, Lane, WaitingFrame
from backend.services.detection.claims import BATCH, CameraLocked, Claim, Claims, reason_of
from backend.services.detection.examiner import Examination, Examiner, Seen
from backend.services.stores import cameras, frames, memories, suppressions, tracks
from backend.services.stores.frames import Outcome
from backend.services.topics import Sighting

_CAMERA = re.compile("[0-9]{1,9}")

log = structlog.get_logger(__name__)


class AttachDetections(Protocol):
    """Gives detections their events, on the caller's transaction."""

    async def attach(
        self,
        session: Session,
        camera_id: int,
        zone: ZoneInfo,
        sightings: Sequence[Sighting],
        *,
        detector: str,
    ) -> dict[int, int]:
        """Store what was seen at one camera; the event of each frame."""
        ...


class DetectionStage:
    """Works off the frames of whichever camera's bell it hears.

    `told` is called after each commit, so that the outbox's relay need not wait.

    Whose fault an unexpected error is, the frame's or the stage's own, the other frames tell. The
    stage is sound if it succeeded at a frame of the last claim, of any camera, in which a frame
    succeeded or failed. A failed attempt counts if another frame of the same claim succeeded, or
    the stage was sound before. Otherwise the attempt is given back, the error ends the stage, to
    be started again after a pause, and the camera's next claim begins after the frames that failed,
    so that others can prove the stage sound: then, or once all had a turn, the failed ones are
    tried again. So one bad frame is buried once others have succeeded between three of its
    failures, and where every frame fails none is.

    Frames that could not be stored together count an attempt in any case, so that they are then
    taken one at a time; it happens once to each, and does not suffice to bury it.
    """

    def __init__(
        self,
        claims: Claims,
        examiner: Examiner,
        results: "Results",
        bells: Bells,
        told: Callable[[], None],
    ) -> None:
        self._claims = claims
        self._examiner = examiner
        self._results = results
        self._bells = bells
        self._told = told
        self._is_sound = False
        self.turn = asyncio.Lock()
        """Held while a claim is worked off: who holds it may change what looks at the next one."""

    async def run(self) -> None:
        """Hear bells and handle them; none while what is needed to look is known to be unavailable.

        Cancelled in the middle of a batch, it ends the picture that it is at, if that takes no
        longer than 2 s, and stores what it has; the frames that it did not see count no attempt.
        """
        await self._claims.settle()
        while True:
            await self._examiner.ready()
            bell = await self._bells.hear(5.0)
            if bell is not None:
                await self._to_a_good_end(self.handle(bell))

    async def _to_a_good_end(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            self._examiner.stop()
            await task
            raise

    async def handle(self, bell: Bell) -> None:
        """Work off at most one batch of the camera that rang; for what is no camera, nothing."""
        async with self.turn:
            await self._handle(bell)

    async def _handle(self, bell: Bell) -> None:
        if not _CAMERA.fullmatch(bell.name):
            log.warning("a bell of another version", name=bell.name)
            return await self._bells.done(bell)
        camera_id = int(bell.name)
        lane, detector = Lane(bell.lane), self._examiner.detector.name
        try:
            claim = await self._claims.take(camera_id, lane, detector=detector)
        except CameraLocked:
            await self._bells.ring(bell.name, lane)
            return await self._bells.done(bell)
        seen = 0
        try:
            if claim is not None and claim.frames:
                seen = await self._work_off(claim)
        finally:
            # Only after the commit: a bell that rang while the lease was held was heard in vain.
            if claim is not None:
                for waiting in await self._lanes_waiting(camera_id, lane, seen):
                    await self._bells.ring(bell.name, waiting)
            await self._bells.done(bell)

    async def _lanes_waiting(self, camera_id: int, lane: Lane, seen: int) -> set[Lane]:
        """Where more waits; of live frames nobody asks where as many were seen as could be.

        The last claim, which has fewer, will ask. In the backlog each asks: what is live goes
        before the rest of it.
        """
        if lane is Lane.LIVE and seen == BATCH:
            return {Lane.LIVE}
        return await self._claims.lanes_waiting(camera_id)

    async def _work_off(self, claim: Claim) -> int:
        """Look at the frames, and store what came of it; how many could be looked at."""
        name = self._examiner.detector.name
        try:
            async with self._claims.renewed(claim):
                examination = await self._examiner.examine(claim.frames, claim.knowledge)
                counts = examination.succeeded or self._is_sound
                if not counts:
                    examination.uncounted += examination.failed
                await self._results.store(claim, examination, name)
        except Unavailable:
            self._claims.owe(claim)
            raise
        except Exception as error:
            counts = self._is_sound or len(claim.frames) > 1
            self._learn_from_failures(claim.frames, counts=counts)
            await self._claims.blame(claim, error, counts=counts)
            raise
        self._told()
        if examination.without:
            self._claims.pass_over(examination.without[-1], failed=False)
        if examination.succeeded:
            self._is_sound = True
            self._claims.pass_over_none()
        elif examination.failed:
            failed = [frame for frame in claim.frames if frame.id in examination.failed]
            self._learn_from_failures(failed, counts=counts)
        if examination.failed and not counts:
            raise next(iter(examination.failed.values()))
        return len(examination.seen)

    def _learn_from_failures(self, failed: Sequence[WaitingFrame], *, counts: bool) -> None:
        self._is_sound = False
        if not counts:
            self._claims.pass_over(failed[-1])


class Results:
    """Stores what came of a claim, all of it or nothing."""

    def __init__(
        self, database: Database, attach: AttachDetections, clock: Clock, zone: ZoneInfo
    ) -> None:
        self._database = database
        self._attach = attach
        self._clock = clock
        self._zone = zone

    async def store(self, claim: Claim, examination: Examination, detector: str) -> None:
        """Store detections, events, assessments and messages with the frames' states.

        Only where the lease is still ours, and only for frames that are not final yet; what
        somebody else has done meanwhile stays as it is. Ends the claim.
        """
        now = self._clock.now()
        async with self._database.transaction() as session:
            camera = await cameras.end_lease(session, claim.camera_id, holder=claim.holder)
            if camera is None:
                metrics.LEASES_LOST.inc()
                log.warning("lease lost, results dropped", camera_id=claim.camera_id)
                # Not the frames' fault: they would be buried where clocks differ, lease by lease.
                await cameras.lock_many(session, [claim.camera_id])
                await frames.take_attempt_back(session, [one.id for one in claim.frames])
                return
            open_ids = await frames.still_waiting(session, [f.id for f in claim.frames])
            seen = [one for one in examination.seen if one.frame.id in open_ids]
            zone = ZoneInfo(camera.time_zone) if camera.time_zone else self._zone
            track_ids = await self._keep_tracks(session, claim, examination)
            sightings = [_sighting(one, track_ids) for one in seen if one.sight.news]
            event_of = await self._attach_all(session, camera.id, zone, sightings, detector)
            outcomes = [_outcome(one, event_of.get(one.frame.id)) for one in seen]
            await frames.finish(session, outcomes, detector=detector, now=now)
            await frames.take_attempt_back(session, examination.uncounted)
            reasons = {frame: reason_of(error) for frame, error in examination.failed.items()}
            await frames.note_failures(session, reasons)
            hidden = sum((Counter(one.sight.hidden) for one in seen), Counter[int]())
            await suppressions.count_hidden(session, hidden, now=now)
            if examination.memory is not None:
                await memories.keep(session, camera.id, detector, examination.memory, now=now)
        _count(outcomes, seen)

    async def _keep_tracks(
        self, session: Session, claim: Claim, examination: Examination
    ) -> list[int]:
        """Store what has become of the camera's tracks; the ids of all, by their places."""
        known = claim.knowledge.tracks
        now = dict(zip(known, examination.tracks, strict=False))
        await tracks.change(session, {i: now[i] for i in now if now[i] != known[i]})
        added = await tracks.add(session, claim.camera_id, examination.tracks[len(known) :])
        return [*known, *added]

    async def _attach_all(
        self,
        session: Session,
        camera_id: int,
        zone: ZoneInfo,
        sightings: Sequence[Sighting],
        detector: str,
    ) -> dict[int, int]:
        if not sightings:
            return {}
        return await self._attach.attach(session, camera_id, zone, sightings, detector=detector)


def _sighting(seen: Seen, track_ids: Sequence[int]) -> Sighting:
    found = (replace(one.detection, track_id=track_ids[one.place]) for one in seen.sight.news)
    return Sighting(seen.frame.id, seen.frame.captured_at, tuple(found))


def _dropped(seen: Seen) -> dict[str, int]:
    """What was found and does not count, by reason."""
    by_detector = {} if seen.findings is None else seen.findings.dropped
    return {**by_detector, **seen.sight.dropped}


def _outcome(seen: Seen, event_id: int | None) -> Outcome:
    remarks: dict[str, Any] = {}
    if dropped := _dropped(seen):
        remarks["dropped"] = dropped
    if seen.findings is not None and seen.findings.remark:
        remarks["detector"] = seen.findings.remark
    if seen.findings is not None and seen.findings.source:
        remarks["source"] = seen.findings.source
    return Outcome(seen.frame.id, seen.state, event_id, seen.reason, remarks)


def _count(outcomes: Sequence[Outcome], seen: Sequence[Seen]) -> None:
    for outcome in outcomes:
        metrics.FRAMES_FINISHED.labels(state=outcome.state.value).inc()
        if outcome.state in {FrameState.QUARANTINED, FrameState.BURIED}:
            log.warning(
                "frame %s", outcome.state.value, frame_id=outcome.frame_id, reason=outcome.reason
            )
    for one in seen:
        for reason, number in _dropped(one).items():
            metrics.DETECTIONS_DROPPED.labels(reason=reason).inc(number)
