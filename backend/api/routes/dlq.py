"""Dead letters: list, look, replay, discard."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, BackgroundTasks, Depends, Query

from backend.api.dependencies import (
    CameraFilter,
    LongId,
    PagingDep,
    Parts,
    PartsDep,
    SessionDep,
)
from backend.api.problems import problems
from backend.api.schemas.dead_letters import (
    DeadLetter,
    DeadLetterCounts,
    DeadLetterPage,
    Decided,
    LetterState,
    Stage,
)
from backend.api.schemas.text import Moment
from backend.core.errors import Conflict, NotFound, Unavailable
from backend.domain.frames import Lane
from backend.services.stores import dead_letters
from backend.services.stores.dead_letters import Wanted
from backend.services.stores.rows import Record, Session

router = APIRouter(prefix="/dlq", tags=["dead letters"])

log = structlog.get_logger(__name__)

_AT_ONCE = 500
StageFilter = Annotated[Stage | None, Query(description="The stage that gave it up.")]


@router.get("", response_model=DeadLetterPage, responses=problems(404))
async def list_dead_letters(
    session: SessionDep,
    paging: PagingDep,
    camera: CameraFilter = None,
    stage: StageFilter = None,
    state: Annotated[
        LetterState | None, Query(description="What was decided of it; every state without.")
    ] = None,
) -> Record:
    """Work that was given up, and why; the last given up first."""
    rows = await dead_letters.page(
        session,
        Wanted(state=state, stage=stage, camera=camera),
        before=paging.after_moment("dlq"),
        limit=paging.fetch,
    )
    return paging.page("dlq", rows, "last_at", "id")


@router.get("/counts", response_model=DeadLetterCounts)
async def count_dead_letters(session: SessionDep) -> Record:
    """How many letters each stage has, by what was decided of them."""
    stages = await dead_letters.counts(session)
    return {"dead": sum(one["dead"] for one in stages), "stages": stages}


@router.get("/{letter_id}", response_model=DeadLetter, responses=problems(404))
async def get_dead_letter(session: SessionDep, letter_id: LongId) -> Record:
    """One dead letter."""
    return _known(letter_id, await dead_letters.shown(session, letter_id))


@router.post("/{letter_id}/replay", response_model=DeadLetter, responses=problems(403, 404, 409))
async def replay_dead_letter(
    session: SessionDep, parts: PartsDep, after_commit: BackgroundTasks, letter_id: LongId
) -> Record:
    """Do the work again, from its first attempt; it begins within a second where a worker is free.

    Of two requests at once one takes effect.
    """
    await _lock_dead(session, letter_id)
    rung = await dead_letters.replay(session, [letter_id], now=parts.clock.now())
    after_commit.add_task(_ring, parts, set(rung))
    return _known(letter_id, await dead_letters.shown(session, letter_id))


@router.post("/{letter_id}/discard", response_model=DeadLetter, responses=problems(403, 404, 409))
async def discard_dead_letter(session: SessionDep, parts: PartsDep, letter_id: LongId) -> Record:
    """Give the work up for good: its frame stays buried, and its picture is kept."""
    await _lock_dead(session, letter_id)
    await dead_letters.discard(session, [letter_id], now=parts.clock.now())
    return _known(letter_id, await dead_letters.shown(session, letter_id))


@dataclass(frozen=True, slots=True)
class Many:
    """Which dead letters a request is about, and how many of them at most."""

    wanted: Wanted
    limit: int

    def decided(self, letters: int, found: int, now: datetime) -> Record:
        """What is answered when so many of those that were found have been decided of."""
        until = self.wanted.until or now
        return {"letters": letters, "more": found == self.limit, "until": until}


async def get_many(
    camera: CameraFilter = None,
    stage: StageFilter = None,
    until: Annotated[
        Moment | None, Query(description="Only what was last given up until then; with zone.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=_AT_ONCE, description="At most so many.")] = _AT_ONCE,
) -> Many:
    """The dead letters that are meant."""
    return Many(Wanted(stage=stage, camera=camera, until=until), limit)


ManyDep = Annotated[Many, Depends(get_many)]


@router.post("/replay", response_model=Decided, responses=problems(403, 404))
async def replay_dead_letters(
    session: SessionDep, parts: PartsDep, after_commit: BackgroundTasks, many: ManyDep
) -> Record:
    """Replay what is dead, the longest dead first. Asked again while there is `more`, all of it."""
    now = parts.clock.now()
    found = await dead_letters.lock_dead(session, many.wanted, limit=many.limit)
    rung = await dead_letters.replay(session, found, now=now)
    after_commit.add_task(_ring, parts, set(rung))
    return many.decided(len(rung), len(found), now)


@router.post("/discard", response_model=Decided, responses=problems(403, 404))
async def discard_dead_letters(session: SessionDep, parts: PartsDep, many: ManyDep) -> Record:
    """Discard what is dead, the longest dead first. Asked again while there is `more`, all of it.

    The frames stay buried, and their pictures are kept.
    """
    now = parts.clock.now()
    found = await dead_letters.lock_dead(session, many.wanted, limit=many.limit)
    discarded = await dead_letters.discard(session, found, now=now)
    return many.decided(discarded, len(found), now)


async def _lock_dead(session: Session, letter_id: int) -> None:
    letter = _known(letter_id, await dead_letters.lock(session, letter_id))
    if letter["state"] != "dead":
        raise Conflict(
            f"dead letter {letter_id} has been {letter['state']} already", code="dlq.not_dead"
        )


def _known(letter_id: int, letter: Record | None) -> Record:
    if letter is None:
        raise NotFound(f"there is no dead letter {letter_id}", code="dlq.unknown")
    return letter


async def _ring(parts: Parts, camera_ids: Collection[int]) -> None:
    try:
        for camera_id in sorted(camera_ids):
            await parts.bells.ring(str(camera_id), Lane.BACKLOG)
    except Unavailable as error:
        # The frames wait in the ledger; the reconciler rings for them within a minute.
        log.warning("no bell for replayed frames", reason=str(error))
