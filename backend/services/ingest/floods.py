"""A camera that sends more than can be looked at: which of its pictures are passed over."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from backend.core.database import Session
from backend.domain.floods import passed_over, second_of
from backend.domain.frames import Arrival
from backend.services.stores import cameras, frames


async def with_floods_skipped(
    session: Session, arrivals: Sequence[Arrival], *, live: Mapping[int, int], most: int
) -> list[Arrival]:
    """The arrivals, those with a reason to be skipped that would flood their camera's live lane.

    `live` says how many live frames wait at each camera, `most` how many may. What a scan found is
    never skipped: it does not go into that lane. Cameras that flood are locked.
    """
    come = Counter(one.camera_id for one in arrivals if one.found_by == "watch")
    room = {camera: max(0, most - live.get(camera, 0)) for camera in come}
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
        times = [arrivals[place].captured_at for place in places]
        taken = await frames.seconds_taken(session, camera, {second_of(at) for at in times})
        over = passed_over(times, room=room[camera], seconds_taken=taken)
        skipped |= {place for place, is_over in zip(places, over, strict=True) if is_over}
    return [
        replace(one, skipped=reason) if place in skipped else one
        for place, one in enumerate(arrivals)
    ]
