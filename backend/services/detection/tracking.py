"""Follows what is found through a camera's frames, and tells what of it is news.

What was said never to count does not, before it is followed; what belongs to the scene is followed,
and no news. A camera's tracks are a value: whoever could not store what came of a frame goes on
with those from before it.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from backend.domain.boxes import Detection
from backend.domain.following import Seen, follow
from backend.domain.reading import read
from backend.domain.scene import Settled, moves_off_from, settle
from backend.domain.suppressions import hidden_by
from backend.domain.tracks import Track
from backend.services.detection.assignment import assign
from backend.services.detection.detector import Pixels, View
from backend.services.detection.enrichment import Enrichment, Subject
from backend.services.detection.prints import print_of
from backend.services.stores.knowledge import Knowledge

Tracks = tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class News:
    """A detection that counts, with its signs, and the place of its track among the tracks."""

    detection: Detection
    place: int


@dataclass(frozen=True, slots=True)
class Sight:
    """What one frame shows.

    `dropped` counts, by reason, what does not count: `scene:<class>`, `suppressed:<id>`; `hidden`
    the latter by the suppression's id.
    """

    news: tuple[News, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    hidden: Mapping[int, int] = field(default_factory=dict)


class Tracker:
    """Looks at the frames of any camera.

    `zone` is that of cameras which have none of their own; `idle`: so long after its last detection
    an event is over.
    """

    def __init__(
        self, zone: ZoneInfo, enrichment: Enrichment, *, idle: timedelta = timedelta(seconds=30)
    ) -> None:
        self._zone = zone
        self._enrichment = enrichment
        self._idle = idle

    async def look(
        self,
        knowledge: Knowledge,
        tracks: Tracks,
        view: View,
        detections: Sequence[Detection],
        looked_at: datetime | None = None,
    ) -> tuple[Sight, Tracks]:
        """What a view shows in which this was detected, and the camera's tracks after it.

        `looked_at` is when the frame before was taken that was looked at.
        """
        if not detections and not tracks:
            return Sight(), tracks
        sight, now = await asyncio.to_thread(
            self._follow, knowledge, tracks, view, detections, looked_at
        )
        subjects = [
            Subject(one.detection, now[one.place], view.pixels, view.captured_at)
            for one in sight.news
        ]
        given = await self._enrichment.of(subjects)
        news = tuple(
            replace(one, detection=replace(one.detection, enrichment=said))
            for one, said in zip(sight.news, given, strict=True)
        )
        return replace(sight, news=news), now

    def _follow(
        self,
        knowledge: Knowledge,
        tracks: Tracks,
        view: View,
        detections: Sequence[Detection],
        looked_at: datetime | None,
    ) -> tuple[Sight, Tracks]:
        at = view.captured_at
        seen, hidden = _apart(knowledge, view.pixels, detections)
        followed = follow(tracks, at, seen, assign, looked_at)
        settled = settle(tracks, followed, at, self._idle)
        zone = ZoneInfo(knowledge.time_zone) if knowledge.time_zone else self._zone
        now = list(settled.tracks)
        signed: list[News] = []
        for one, place in zip(seen, followed.places, strict=True):
            before = tracks[place] if place < len(tracks) else None
            signs, now[place] = read(
                before, now[place], one.detection, at, knowledge.drawings, zone
            )
            signed.append(News(replace(one.detection, signs=signs), place))
        news = [one for one, scene in zip(signed, settled.is_scene, strict=True) if not scene]
        dropped = Counter(f"suppressed:{id_}" for id_ in hidden.elements())
        dropped.update(
            f"scene:{one.detection.class_name}"
            for one, scene in zip(signed, settled.is_scene, strict=True)
            if scene
        )
        return Sight(tuple(_with_comings(news, settled)), dropped, hidden), tuple(now)


def _apart(
    knowledge: Knowledge, pixels: Pixels, detections: Sequence[Detection]
) -> tuple[list[Seen], Counter[int]]:
    """What counts, with its print, and how much each suppression hides."""
    seen: list[Seen] = []
    hidden: Counter[int] = Counter()
    for detection in detections:
        print_ = print_of(pixels, detection.box)
        by = hidden_by(knowledge.suppressions, detection.class_name, detection.box, print_)
        if by is None:
            seen.append(Seen(detection, print_))
        else:
            hidden[by.id] += 1
    return seen, hidden


def _with_comings(news: Sequence[News], settled: Settled) -> Iterator[News]:
    """With the sign of what has arrived or departed, once for each.

    What left the scene unseen, while its like moved off from its place, left as that one.
    """
    arrived, departed = set(settled.arrived), set(settled.departed)
    unseen = departed.difference(one.place for one in news)
    for one in news:
        comes, goes = one.place in arrived, one.place in departed
        track = settled.tracks[one.place]
        left = next((i for i in sorted(unseen) if moves_off_from(settled.tracks[i], track)), None)
        if left is not None and track.seen_moving:
            unseen.discard(left)
            goes = True
        arrived.discard(one.place)
        departed.discard(one.place)
        signs = replace(one.detection.signs, arrived=comes, departed=goes)
        yield replace(one, detection=replace(one.detection, signs=signs))
