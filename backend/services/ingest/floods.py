"""A camera that sends more than can be looked at: which of its pictures are skipped."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from backend.core.breaker import BreakerState, BreakerView
from backend.core.clock import Clock
from backend.core.database import Session
from backend.core.supervisor import PartState
from backend.domain.floods import second_of, which_to_skip
from backend.domain.frames import Arrival
from backend.services.stores import cameras, frames


def looked_at_since(
    detection: PartState | None, breaker: BreakerView, clock: Clock
) -> datetime | None:
    """Since when pictures have been looked at without a break; None while they are not.

    The part that looks has to run, which it does not without Redis, and the detector to answer.
    Another worker may look at them meanwhile: then this one limits nothing for as long. It is the
    time by the clock as it goes now, however it was put since.
    """
    if detection is None or not detection.running or breaker.state is not BreakerState.CLOSED:
        return None
    steady_for = clock.monotonic() - max(detection.steady_at, breaker.steady_at)
    return clock.now() - timedelta(seconds=steady_for)


async def with_floods_skipped(
    session: Session, arrivals: Sequence[Arrival], *, piled_up: Mapping[int, int], most: int
) -> list[Arrival]:
    """The arrivals, those with a reason to be skipped that pile up beyond what is looked at.

    `piled_up` says how many frames wait at each camera though pictures were looked at all the time
    since they came, `most` how many may. So a night without a detector is no flood, neither while
    it lasts nor while it is caught up with. What a scan found is never skipped: it was there before
    we looked, and can wait. Cameras that flood are locked.
    """
    come = Counter(one.camera_id for one in arrivals if one.found_by == "watch")
    room = {camera: max(0, most - piled_up.get(camera, 0)) for camera in come}
    flooding = [camera for camera, number in come.items() if number > room[camera]]
    if not flooding:
        return list(arrivals)
    await cameras.lock_many(session, flooding)
    reason = f"its camera sent more than could be looked at: more than {most} pictures waited"
    skipped: set[int] = set()
    for camera in flooding:
        places = [
            place
            for place, one in enumerate(arrivals)
            if one.camera_id == camera and one.found_by == "watch"
        ]
        times = [arrivals[place].came_at for place in places]
        taken = await frames.seconds_taken(session, camera, {second_of(at) for at in times})
        over = which_to_skip(times, room=room[camera], seconds_taken=taken)
        skipped |= {place for place, is_over in zip(places, over, strict=True) if is_over}
    return [
        replace(one, skipped=reason) if place in skipped else one
        for place, one in enumerate(arrivals)
    ]
