"""Which detection continues which track.

A pair of a track and a detection of one kind is judged in two ways, and the better one counts. (For
a moment a person and a pet may be one, too: detectors confuse them where a part of a person shows.)

- *In its place*: the boxes overlap. In the next frame that is enough; the longer the track was not
  seen, the more alike both must look. Vehicles that stood still are known again for a day.
- *On its way*: it is within reach of where the track was, or was heading, a moment ago, and the
  further, the more alike both must look. A track that frames have shown without is soon not
  continued so: what walks off to the right is not what comes in from the left. What belongs to the
  scene is only ever continued in its place.

Each pair that is possible has a cost, and the assignment with the most pairs' worth is taken.

All of it depends on capture times alone. A frame older than a track's last sight changes nothing of
what the track is now: within its life it is counted, before its first sight it lets it begin
earlier, where that is possible, and otherwise its detections stand alone.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from backend.domain.boxes import Box, Detection, foot_point, is_at_edge, overlap, share_inside
from backend.domain.prints import blended, likeness
from backend.domain.tracks import (
    PathPoint,
    Track,
    TrackState,
    boxes_apart,
    can_be_confused,
    can_be_parked,
    displacement,
    extended,
    kind_of,
    lives,
    place_at,
    velocity,
)

Assign = Callable[[Sequence[Sequence[float]], float], Sequence[int | None]]
"""For each row of costs its column, or None, so that the sum over all pairs of (limit - cost) is
the greatest; costs may be infinite. The second argument is the limit."""

ABOUT = timedelta(minutes=10)
"""What appears so long after the last sight of what lives, and lives, has come."""

LIVING_MEMORY = timedelta(seconds=60)
"""So long after its last sight what lives, or moved, may be found again where it was."""

PARKED_MEMORY = timedelta(hours=24)
"""The same for what can be parked and stood still, and for what belongs to the scene."""

ONCE_SEEN_MEMORY = timedelta(hours=1)
"""The same for what can be parked and was seen once only."""

MOST_TRACKS = 64
"""Of the tracks that are neither over nor seen within `LIVING_MEMORY`, so many are remembered."""

COST_LIMIT = 2.0

_MOMENT = timedelta(seconds=2)  # so briefly, missed frames do not matter
_NEXT_FRAME = timedelta(seconds=10)
_MOVING_MEMORY = timedelta(seconds=15)
_MOST_MISSED = 3
_STEP = 0.6  # boxes that a box's noise, or a turn, may move it in no time
_FASTEST = 3.0  # boxes per second; a walking person is 1 to 3 widths, so is a car from its side
_FURTHEST = 4.0  # boxes
_DOUBLE = 0.5  # overlap; of one class none overlap more than 0.45, see the detector
_DOUBLE_KIND = 0.85  # of a person and a dog: who carries one has the larger box
_MOST_GROWTH = 3.0  # times the area, or a third of it
_MOST_GROWTH_NEAR = 9.0
_PREDICT = timedelta(seconds=2)

_INSIDE = 0.95  # of a box; with less it is no part of what is there
_SIDE_HEIGHT, _SIDE_OFF = 0.75, 0.1  # of the whole's height, and width
_STIR_PARKED, _STIR = 0.2, 0.1  # boxes off its rest from which a thing stirs
_SHAKE = 0.01  # of the picture; less may be the camera
_JUMP = 0.5  # boxes off its rest that need no second sight
_COMES_IN = 1.5  # times the area of what the edge has cut
_REST_FOLLOWS = 1 / 16  # of the difference, with each sight: what creeps has left its rest
_PRINT_FOLLOWS = 1 / 4


@dataclass(frozen=True, slots=True)
class Seen:
    """A detection with the print of its crop, or an empty one."""

    detection: Detection
    print: bytes = b""

    @property
    def box(self) -> Box:
        """Where it is."""
        return self.detection.box

    @property
    def kind(self) -> str:
        """The kind that tracks are compared by."""
        return kind_of(self.detection.class_name)


@dataclass(frozen=True, slots=True)
class Followed:
    """What a frame did to the tracks of its camera.

    `tracks` are the given ones, in their order, as they are now, and after them the new ones.
    `places` is the index of each detection's track; detections of one object share one. `ended`
    are the indices of the tracks that this frame has shown to be over.
    """

    tracks: tuple[Track, ...]
    places: tuple[int, ...]
    ended: tuple[int, ...]


def follow(
    tracks: Sequence[Track],
    at: datetime,
    seen: Sequence[Seen],
    assign: Assign,
    looked_at: datetime | None = None,
) -> Followed:
    """What becomes of a camera's tracks with a frame that was taken `at`; it may show nothing.

    Give it every track that is not over, and those that were seen within `ABOUT` of `at`; of old
    frames, between which there were newer ones, those within `PARKED_MEMORY`.
    The order of the detections does not matter. `looked_at` is when the frame before was taken that
    somebody has looked at; None: nobody knows of one.
    """
    order = sorted(range(len(seen)), key=lambda i: _order(seen[i]))
    costs = [[cost(track, seen[i], at) for i in order] for track in tracks]
    chosen = assign(costs, COST_LIMIT) if tracks and seen else [None] * len(tracks)
    now = list(tracks)
    place_of: dict[int, int] = {}
    for index, column in enumerate(chosen):
        if column is not None:
            now[index] = _continued(tracks[index], seen[order[column]], at)
            place_of[order[column]] = index
        elif tracks[index].last_at < at and tracks[index].state is not TrackState.ENDED:
            now[index] = replace(tracks[index], missed=tracks[index].missed + 1)
    for i in order:
        if i not in place_of:
            known = _same_object(seen[i], seen, place_of)
            if known is None:
                known = _other_side(seen[i], tracks, place_of)
            place_of[i] = len(now) if known is None else known
            if known is None:
                now.append(_begun(seen[i], at, has_come=_has_come(seen[i], tracks, at, looked_at)))
    ended = _over(now, at)
    for index in ended:
        now[index] = replace(now[index], state=TrackState.ENDED)
    return Followed(tuple(now), tuple(place_of[i] for i in range(len(seen))), ended)


def cost(track: Track, seen: Seen, at: datetime) -> float:
    """How unlikely it is that this detection is of this track; infinite where it cannot be."""
    away = at - track.last_at
    if track.kind != seen.kind and not (
        can_be_confused(track.kind, seen.kind)
        and track.state is TrackState.LIVE
        and timedelta(0) <= away <= _MOMENT
    ):
        return math.inf
    if away < timedelta(0):
        return _late_cost(track, seen, at)
    here = _look_in_place(track, seen.box, at)
    there = _look_on_the_way(track, seen.box, at)
    if here is None and there is None:
        return math.inf
    look = likeness(track.print, seen.print)
    if (here is None or look < here) and (there is None or look < there):
        return math.inf
    distance = min(_distance(track, seen.box, at) / _reach(away), 1.0)
    grown = math.log(seen.box.area / track.last_box.area)
    fit = _fit(track, seen.box)
    return (
        distance**2
        + 0.5 * (1 - fit) ** 2
        + 0.05 * min(grown**2, 2)
        + 0.4 * (1 - look)
        + _flip(track, seen)
    )


def _flip(track: Track, seen: Seen) -> float:
    if seen.detection.class_name == track.class_name:
        return 0.0
    return 0.05 if track.kind == seen.kind else 0.4


def _look_in_place(track: Track, box: Box, at: datetime) -> float | None:
    """How alike a detection must be that overlaps the track so; None if that does not suffice."""
    fit, away = _fit(track, box), at - track.last_at
    if track.state is TrackState.LEFT:
        return 0.6 if fit >= 0.5 else None
    if track.state is TrackState.SCENE:
        return _look_of_scene(track, fit, box)
    if away <= _MOMENT and fit >= 0.2:
        return 0.0 if fit >= 0.5 else 0.2
    if not _stands(track) or fit < 0.5:
        return None
    return (_look_of_parked if can_be_parked(track.kind) else _look_of_one)(track, fit, away)


def _look_of_scene(track: Track, fit: float, box: Box) -> float | None:
    """Something may hide a part of it, or be taken together with it; one side then stays.

    What is left to one side need not look like the whole.
    """
    if lives(track.kind):  # who stands before a statue is not the statue
        return 0.6 if fit >= 0.5 else None
    if fit >= 0.5:
        if track.missed:  # another one may have come meanwhile
            return 0.45
        return 0.3 if fit < 0.75 else 0.0
    if fit >= 0.2 and displacement(track.rest, box) <= _stir(track):
        return 0.0 if _is_side_of(box, track.rest) else 0.3
    return 0.6 if fit >= 0.3 else None  # the boxes of small things shake


def _look_of_parked(track: Track, fit: float, away: timedelta) -> float | None:
    if away <= LIVING_MEMORY:
        return 0.3 if track.missed == 0 else 0.5
    if track.missed == 0 and away <= ONCE_SEEN_MEMORY and fit >= 0.65:
        return 0.6
    return 0.75 if fit >= 0.8 and away <= _memory(track) else None


def _look_of_one(track: Track, fit: float, away: timedelta) -> float | None:
    if track.missed == 0 and fit >= 0.75 and away <= _NEXT_FRAME:
        return 0.3
    has_stood = track.sightings > 1 or track.missed == 0
    return _look_of_living(track) if has_stood and away <= LIVING_MEMORY else None


def _look_of_living(track: Track) -> float:
    """After more than a moment: another one may have come meanwhile, to the very same place."""
    return 0.7 if track.missed == 0 else 0.85


def _fit(track: Track, box: Box) -> float:
    """The overlap with its last box; for what stands also with the box where it rests."""
    fit = overlap(_with_margin(track.last_box), _with_margin(box))
    if not _stands(track):
        return fit
    return max(fit, overlap(_with_margin(track.rest), _with_margin(box)))


def _with_margin(box: Box) -> Box:
    """Half a hundredth of the picture on each side: for a small box, a shake is far."""
    margin = _SHAKE / 2
    return Box(box.x - margin, box.y - margin, box.width + 2 * margin, box.height + 2 * margin)


def _stands(track: Track) -> bool:
    """Whether it may be found again where it rests; so may what stirred once only."""
    return track.is_at_rest or not track.seen_moving or track.state is not TrackState.LIVE


def _look_on_the_way(track: Track, box: Box, at: datetime) -> float | None:
    away = at - track.last_at
    if track.state in {TrackState.SCENE, TrackState.LEFT} or away > _MOVING_MEMORY:
        return None
    if track.missed > _MOST_MISSED and away > _MOMENT:
        return None
    distance = _distance(track, box, at)
    is_near = away <= _MOMENT and distance <= 1
    # At the edge of the picture there is a head, and half a second later the whole figure.
    most = _MOST_GROWTH_NEAR if is_near else _MOST_GROWTH
    if distance > _reach(away) or not 1 / most <= box.area / track.last_box.area <= most:
        return None
    if is_near:
        return 0.2
    return 0.4 if away <= _MOMENT else _look_of_living(track)


def _late_cost(track: Track, seen: Seen, at: datetime) -> float:
    """For a frame that is older than the track's last sight."""
    if at >= track.first_at:
        apart = boxes_apart(place_at(track, at), foot_point(seen.box), track.last_box)
        if apart > _STEP:
            return math.inf
        look = likeness(track.print, seen.print)
        return apart**2 + 0.4 * (1 - look) if look >= 0.3 else math.inf
    fit = overlap(track.first_box, seen.box)
    if track.first_at - at > _MOVING_MEMORY or fit < 0.3:
        return math.inf
    look = likeness(track.print, seen.print)
    return 0.5 * (1 - fit) ** 2 + 0.4 * (1 - look) if look >= 0.6 else math.inf


def _distance(track: Track, box: Box, at: datetime) -> float:
    """From where it was, or, if that is nearer, from where it was heading; in its boxes."""
    x, y = foot_point(track.last_box)
    ahead = min(at - track.last_at, _PREDICT).total_seconds()
    right, down = velocity(track)
    size = Box(
        0,
        0,
        (track.last_box.width + box.width) / 2,
        (track.last_box.height + box.height) / 2,
    )
    return min(
        boxes_apart((x, y), foot_point(box), size),
        boxes_apart((x + ahead * right, y + ahead * down), foot_point(box), size),
    )


def _reach(away: timedelta) -> float:
    return min(_STEP + _FASTEST * away.total_seconds(), _FURTHEST)


def _memory(track: Track) -> timedelta:
    """How long after its last sight a track may be found again where it was."""
    if track.state in {TrackState.SCENE, TrackState.LEFT}:
        return PARKED_MEMORY
    if not can_be_parked(track.kind) or not _stands(track):
        return LIVING_MEMORY
    return PARKED_MEMORY if track.sightings > 1 else ONCE_SEEN_MEMORY


def _over(tracks: Sequence[Track], at: datetime) -> tuple[int, ...]:
    """Those whose memory is past, and the oldest of too many that are remembered."""
    open_ones = [i for i, track in enumerate(tracks) if track.state is not TrackState.ENDED]
    past = {i for i in open_ones if at - tracks[i].last_at > _memory(tracks[i])}
    remembered = [
        i
        for i in open_ones
        if i not in past
        and tracks[i].state is TrackState.LIVE
        and at - tracks[i].last_at > LIVING_MEMORY
    ]
    remembered.sort(key=lambda i: (tracks[i].last_at, i))
    too_many = remembered[: max(0, len(remembered) - MOST_TRACKS)]
    return tuple(sorted(past.union(too_many)))


def _same_object(new: Seen, seen: Sequence[Seen], place_of: dict[int, int]) -> int | None:
    """The track of what this detection is another class of, on nearly the same box; or None.

    A detector gives a car that could be a truck twice, and a dog that could be a cat.
    """
    rivals = {
        index: overlap(seen[other].box, new.box)
        for other, index in place_of.items()
        if _is_double(seen[other], new)
    }
    return max(rivals, key=rivals.__getitem__, default=None)


def _other_side(new: Seen, tracks: Sequence[Track], place_of: dict[int, int]) -> int | None:
    """The thing of the scene of which this detection shows one side, as another shows the whole,
    or the other side: somebody stands before it. Or None."""
    for index in place_of.values():
        thing = tracks[index] if index < len(tracks) else None
        if thing is None or thing.state is not TrackState.SCENE or thing.kind != new.kind:
            continue
        if _is_side_of(new.box, thing.rest):
            return index
    return None


def _is_side_of(box: Box, rest: Box) -> bool:
    """Whether a box is what is left of another to one side of something upright.

    A car that drives past the bus is lower, or reaches neither end of it.
    """
    return (
        share_inside(box, _with_margin(rest)) >= _INSIDE
        and box.height >= _SIDE_HEIGHT * rest.height
        and min(abs(box.x - rest.x), abs(box.x + box.width - rest.x - rest.width))
        <= _SIDE_OFF * rest.width
    )


def _is_double(one: Seen, other: Seen) -> bool:
    if one.detection.class_name == other.detection.class_name:
        return False
    if one.kind == other.kind:
        return overlap(one.box, other.box) >= _DOUBLE
    return can_be_confused(one.kind, other.kind) and overlap(one.box, other.box) >= _DOUBLE_KIND


def _has_come(
    seen: Seen, tracks: Sequence[Track], at: datetime, looked_at: datetime | None
) -> bool:
    """Whether what lives, and is new, has come, and is surely no statue.

    A picture from shortly before does not show it; or others are about, or were: it may be one of
    them that was lost on its way.
    """
    was_not_there = looked_at is not None and timedelta(0) < at - looked_at <= ABOUT
    return lives(seen.kind) and (was_not_there or any(_is_about(track, at) for track in tracks))


def _begun(seen: Seen, at: datetime, *, has_come: bool) -> Track:
    box, detection = seen.box, seen.detection
    return Track(
        votes=((detection.class_name, detection.confidence),),
        first_at=at,
        last_at=at,
        first_box=box,
        last_box=box,
        rest=box,
        still_since=at,
        path=(PathPoint(at, *foot_point(box)),),
        print=seen.print,
        seen_moving=has_come,
    )


def _is_about(track: Track, at: datetime) -> bool:
    return (
        lives(track.kind)
        and track.state in {TrackState.LIVE, TrackState.ENDED}
        and abs(at - track.last_at) <= ABOUT
    )


def _continued(track: Track, seen: Seen, at: datetime) -> Track:
    counted = replace(track, votes=_voted(track.votes, seen), sightings=track.sightings + 1)
    if at >= track.last_at:
        # A frame that was ahead may have ended it too early.
        is_over = track.state is TrackState.ENDED
        alive = replace(counted, state=TrackState.LIVE) if is_over else counted
        return _moved_on(alive, seen, at)
    if at >= track.first_at:
        return counted
    point = PathPoint(at, *foot_point(seen.box))
    return replace(counted, first_at=at, first_box=seen.box, path=(point, *track.path))


def _moved_on(track: Track, seen: Seen, at: datetime) -> Track:
    away = displacement(track.rest, seen.box)
    least = _stir(track)
    stirs = away > least
    jumps = away > max(_JUMP, least)
    if track.state is TrackState.LIVE:
        moves = (stirs and (track.stirred > 0 or jumps)) or _comes_in(track, seen.box)
    else:  # of the many sights of what stands all night some are wrong
        moves = stirs and (track.stirred > 1 or (track.stirred > 0 and jumps))
    seen_again = replace(
        track,
        last_at=at,
        last_box=seen.box,
        path=extended(track.path, at, seen.box),
        print=blended(track.print, seen.print, _PRINT_FOLLOWS),
        missed=0,
        longest_missed=max(track.longest_missed, track.missed),
        stirred=track.stirred + 1 if stirs else 0,
    )
    if moves:
        return replace(seen_again, rest=seen.box, still_since=at, seen_moving=True)
    return replace(seen_again, rest=_nearer(track.rest, seen.box)) if not stirs else seen_again


def _comes_in(track: Track, box: Box) -> bool:
    """Whether what lives comes in over the picture's edge: it grows without going elsewhere."""
    grown = box.area >= _COMES_IN * track.rest.area
    return lives(track.kind) and is_at_edge(track.rest) and grown


def _stir(track: Track) -> float:
    """How far off its rest, in boxes, it must be to stir."""
    size = min(track.rest.width, track.rest.height)
    return max(_STIR_PARKED if can_be_parked(track.kind) else _STIR, _SHAKE / size)


def _nearer(rest: Box, box: Box) -> Box:
    share = _REST_FOLLOWS
    return Box(
        rest.x + share * (box.x - rest.x),
        rest.y + share * (box.y - rest.y),
        rest.width + share * (box.width - rest.width),
        rest.height + share * (box.height - rest.height),
    )


def _voted(votes: tuple[tuple[str, float], ...], seen: Seen) -> tuple[tuple[str, float], ...]:
    sums = dict(votes)
    name = seen.detection.class_name
    sums[name] = sums.get(name, 0.0) + seen.detection.confidence
    return tuple(sums.items())


def _order(seen: Seen) -> tuple[float, float, float, float, float, str, bytes]:
    """The surest first; the rest only so that the order in which they came does not matter."""
    box = seen.box
    name = seen.detection.class_name
    sure = -seen.detection.confidence
    return (sure, box.x, box.y, box.width, box.height, name, seen.print)
