"""Claims: a camera that is leased to this worker, and the frames of it that it works on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import takewhile
from secrets import token_hex

import structlog

from backend.core import metrics
from backend.core.clock import Clock
from backend.core.database import Database, Session
from backend.core.errors import Unavailable
from backend.domain.events import Span
from backend.domain.frames import MAX_ATTEMPTS, FrameState, Lane, WaitingFrame
from backend.services.stores import cameras, frames, knowledge
from backend.services.stores.frames import Outcome
from backend.services.stores.knowledge import Knowledge

BATCH = 16
_LEASE = timedelta(seconds=30)
_RENEW_SECONDS = 10.0
_LOCKED_MILLISECONDS = 100

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """Frames of one camera in capture order; `holder` is the lease's mark, one for each claim.

    `knowledge` is what is known of the camera before them.
    """

    camera_id: int
    holder: str
    frames: tuple[WaitingFrame, ...]
    knowledge: Knowledge = field(default_factory=Knowledge)


class CameraLocked(Exception):  # noqa: N818 - who hears of it tries again
    """Nobody has the camera's lease, and somebody has locked its row: to rename it, perhaps."""


class Claims:
    """Takes claims in the name of one worker.

    A claim counts an attempt at each of its frames. Frames at which an attempt has already been
    made are claimed one at a time, until the one that fails, or kills its process, is found; after
    three attempts it is buried.

    Nothing is claimed while a claim is owed or doubtful, so that there are never more than one for
    each of these that the ledger's absence interrupts; of what is passed over, one a camera.
    """

    def __init__(self, database: Database, clock: Clock, worker: str) -> None:
        self._database = database
        self._clock = clock
        self._worker = worker
        self._owed: list[Claim] = []
        self._doubtful: list[Claim] = []
        self._passed_over: dict[int, WaitingFrame] = {}
        self._failed: set[int] = set()

    def owe(self, claim: Claim) -> None:
        """The ledger could not be reached to end this claim: `settle` will do it."""
        self._owed.append(claim)

    async def settle(self) -> None:
        """End what this worker, or an earlier process of its name, has left open.

        The attempts of claims that are owed do not count: it was not the frames' fault.
        """
        async with self._database.transaction() as session:
            # Cameras before frames, as everywhere, or two workers could wait for each other.
            begun = [claim for claim in self._doubtful if await self._is_ours(session, claim)]
            await cameras.release_leases_of(session, self._worker)
            for claim in [*self._owed, *begun]:
                await frames.take_attempt_back(session, [frame.id for frame in claim.frames])
        self._owed.clear()
        self._doubtful.clear()

    async def _is_ours(self, session: Session, claim: Claim) -> bool:
        """Whether a claim of which only the server knows was committed; it ends."""
        return await cameras.end_lease(session, claim.camera_id, holder=claim.holder) is not None

    async def blame(self, claim: Claim, error: Exception, *, counts: bool) -> None:
        """Remember why a claim could not be ended, and whether the attempts at its frames count."""
        ids = [frame.id for frame in claim.frames]
        async with self._database.transaction() as session:
            await frames.note_failures(session, dict.fromkeys(ids, reason_of(error)))
            if not counts:
                await frames.take_attempt_back(session, ids)

    def pass_over(self, frame: WaitingFrame, *, failed: bool = True) -> None:
        """Begin the next claims of its camera after this frame, until all later ones had a turn.

        Not `failed`: it waits for something that it alone needs.
        """
        self._passed_over[frame.camera_id] = frame
        if failed:
            self._failed.add(frame.camera_id)
        else:
            self._failed.discard(frame.camera_id)

    def pass_over_none(self) -> None:
        """Begin the claims of the cameras at which one failed with their first frame again."""
        for camera_id in self._failed:
            self._passed_over.pop(camera_id, None)
        self._failed.clear()

    async def take(
        self, camera_id: int, lane: Lane, *, detector: str | None = None
    ) -> Claim | None:
        """Claim what waits at a camera; None where another worker is at it, or it is deleted.

        Where nothing waits in this lane, the claim has no frames and is over. For a detector, what
        is known of the camera comes with the frames.

        Raises `CameraLocked` where that is not to be known within a moment.
        """
        claim = None
        try:
            async with self._database.transaction() as session:
                claim = await self._take(session, camera_id, lane)
                if claim is not None and claim.frames and detector is not None:
                    known = await self._recall(session, claim, detector)
                    claim = replace(claim, knowledge=known)
        except Unavailable as error:
            if error.code == "database.locked":
                raise CameraLocked from error
            if claim is not None:  # lost at the commit: it may have come to pass all the same
                self._doubtful.append(claim)
            raise
        return claim

    async def _recall(self, session: Session, claim: Claim, detector: str) -> Knowledge:
        times = [frame.captured_at for frame in claim.frames]
        span, now = Span(min(times), max(times)), self._clock.now()
        return await knowledge.recall(session, claim.camera_id, span, detector=detector, now=now)

    async def _take(self, session: Session, camera_id: int, lane: Lane) -> Claim | None:
        now = self._clock.now()
        holder = f"{self._worker}#{token_hex(4)}"
        if not await self._lease(session, camera_id, holder):
            return None
        waiting = await self._waiting(session, camera_id, lane)
        alive = await self._bury_hopeless(session, waiting)
        batch = list(takewhile(lambda frame: frame.attempts == 0, alive)) or alive[:1]
        if batch:
            await frames.begin_attempt(session, [frame.id for frame in batch], now=now)
        else:
            await cameras.end_lease(session, camera_id, holder=holder)
        return Claim(camera_id, holder, tuple(batch))

    async def _lease(self, session: Session, camera_id: int, holder: str) -> bool:
        now = self._clock.now()
        until = now + _LEASE
        lease = partial(cameras.take_lease, session, camera_id, holder=holder, now=now, until=until)
        if await lease():
            return True
        if not await cameras.is_leasable(session, camera_id, now=now, until=until):
            return False
        # Whoever has locked it may be about to have the lease, or only about to rename it.
        await cameras.lock_within(session, camera_id, milliseconds=_LOCKED_MILLISECONDS)
        return await lease()

    async def _waiting(
        self, session: Session, camera_id: int, lane: Lane
    ) -> Sequence[WaitingFrame]:
        now, after = self._clock.now(), self._passed_over.get(camera_id)
        found = await frames.waiting(session, camera_id, lane, limit=BATCH, now=now, after=after)
        if found or after is None:
            return found
        del self._passed_over[camera_id]
        return await frames.waiting(session, camera_id, lane, limit=BATCH, now=now)

    async def _bury_hopeless(
        self, session: Session, waiting: Sequence[WaitingFrame]
    ) -> list[WaitingFrame]:
        hopeless = [frame for frame in waiting if frame.attempts >= MAX_ATTEMPTS]
        if hopeless:
            outcomes = [
                Outcome(
                    frame.id,
                    FrameState.BURIED,
                    reason=f"given up after {frame.attempts} attempts: "
                    + (frame.reason or "each time its process ended"),
                )
                for frame in hopeless
            ]
            await frames.finish(session, outcomes, detector=None, now=self._clock.now())
            metrics.FRAMES_FINISHED.labels(state=FrameState.BURIED.value).inc(len(hopeless))
            log.error("frames buried", frames=[frame.id for frame in hopeless])
        return [frame for frame in waiting if frame.attempts < MAX_ATTEMPTS]

    async def lanes_waiting(self, camera_id: int) -> set[Lane]:
        """Where work still waits at a camera, without what was passed over."""
        after = self._passed_over.get(camera_id)
        async with self._database.transaction() as session:
            return await frames.lanes_waiting(
                session, camera_id, now=self._clock.now(), after=after
            )

    @asynccontextmanager
    async def renewed(self, claim: Claim) -> AsyncIterator[None]:
        """Keep the lease for as long as the work within takes."""
        renewal = asyncio.create_task(self._renew(claim))
        try:
            yield
        finally:
            renewal.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewal

    async def _renew(self, claim: Claim) -> None:
        while True:
            await self._clock.sleep(_RENEW_SECONDS)
            # Without a database the lease runs out; the storing transaction will find that.
            with contextlib.suppress(Unavailable):
                async with self._database.transaction() as session:
                    await cameras.renew_lease(
                        session,
                        claim.camera_id,
                        holder=claim.holder,
                        until=self._clock.now() + _LEASE,
                    )


def reason_of(error: Exception) -> str:
    """An unexpected error in one line, for the ledger."""
    return f"{type(error).__name__}: {error}"
