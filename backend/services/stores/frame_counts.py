"""How many frames there are, by state."""

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.domain.frames import FrameState

COUNTED_UP_TO = 500_000
"""Frames that are counted one by one, which takes about a quarter of a second; more are estimated.
"""


async def by_state(
    session: AsyncSession, camera_id: int | None = None, *, count_to: int = COUNTED_UP_TO
) -> tuple[dict[FrameState, int], bool]:
    """The number of frames in each state, of one camera or of all; and whether it is exact.

    Of more than `count_to` frames those that wait are counted, and the others are what the planner
    expects from its last look at the table: it reads none of them.
    """
    where = "true" if camera_id is None else f"camera_id = {int(camera_id)}"
    if await _expected(session, where) <= count_to:
        return await _counted(session, where), True
    counts: dict[FrameState, int] = {
        state: await _expected(session, f"{where} AND state = '{state.value}'")
        for state in FrameState
        if state is not FrameState.RECEIVED
    }
    counts |= await _counted(session, f"{where} AND state = 'received'", FrameState.RECEIVED)
    return counts, False


async def _counted(session: AsyncSession, where: str, *states: FrameState) -> dict[FrameState, int]:
    rows = await session.execute(
        text(f"SELECT state, count(*) AS frames FROM frames WHERE {where} GROUP BY state")
    )
    found = {row.state: row.frames for row in rows}
    return {state: found.get(state.value, 0) for state in states or FrameState}


async def _expected(session: AsyncSession, where: str) -> int:
    plan = await session.scalar(text(f"EXPLAIN (FORMAT JSON) SELECT 1 FROM frames WHERE {where}"))
    (answer,) = orjson.loads(plan) if isinstance(plan, str) else plan
    return int(answer["Plan"]["Plan Rows"])
