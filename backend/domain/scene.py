"""What belongs to a camera's scene, and is no news: what stands there anyway.

A thing that can be parked belongs to it once it has stood for half a minute since it was first
seen, or for five minutes where it was seen coming; and where pictures come so seldom that the event
which told of it is over by the next one, as soon as that shows it where it was. What lives, or
seems to, belongs to it only after half an hour, and only if it was never seen moving, and did not
appear while others were about: a statue, a coat on its hanger. A person who was seen moving, or has
come, never does, however long the person lies or waits there.

A thing of the scene stays one while nobody sees it, be it for the rain or the dark, until it is
seen moving off, or was missed for so long that it must have left: longer than ten minutes, and than
twice the longest time that it was missed before it turned up again. So what a detector finds only
now and then is said to have left a few times at most, and not all night.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from backend.domain.boxes import foot_point
from backend.domain.following import Followed
from backend.domain.prints import likeness
from backend.domain.tracks import (
    Track,
    TrackState,
    boxes_apart,
    can_be_parked,
    can_be_scene,
    still_for,
)

STILL_AT_FIRST = timedelta(seconds=30)
STILL_AFTER_MOVING = timedelta(minutes=5)
STILL_AND_ALIVE = timedelta(minutes=30)
LEAST_SIGHTINGS = 5

PARKED_AFTER = timedelta(seconds=15)
"""What came and has stood for so long has arrived."""

GONE_AFTER = timedelta(minutes=10)

_LEAST_MISSED = 12  # frames
_SEEN_OFF = 3  # frames without it, while its like moves off from its place
_MOVED_OFF_WITHIN = timedelta(seconds=15)
_NEAR = 1.5  # boxes


@dataclass(frozen=True, slots=True)
class Settled:
    """What a frame means for the scene.

    `tracks` are those of `Followed`, with their states. `is_scene` says of each detection whether
    it belongs to the scene, and so opens no event and keeps none open. `arrived` are the indices of
    tracks that have just come to stand or have come back, `departed` of those that have just left
    the scene: both are news.
    """

    tracks: tuple[Track, ...]
    is_scene: tuple[bool, ...]
    arrived: tuple[int, ...]
    departed: tuple[int, ...]


def settle(
    before: Sequence[Track],
    followed: Followed,
    at: datetime,
    idle: timedelta = timedelta(seconds=30),
) -> Settled:
    """The scene after a frame that was taken `at`. `before` are the tracks that were followed.

    `idle`: so long after its last detection an event is over.
    """
    seen = set(followed.places)
    now = list(followed.tracks)
    for index in range(len(now)):
        old = before[index] if index < len(before) else None
        now[index] = _judged(old, now[index], at, is_seen=index in seen)
        if index in seen and old is not None and _was_told(old, now[index], at, idle):
            now[index] = replace(now[index], state=TrackState.SCENE)
    for index in _seen_off(now):
        now[index] = replace(now[index], state=TrackState.LEFT)
    return Settled(
        tuple(now),
        tuple(_belongs(now[index], at) for index in followed.places),
        tuple(_arrived(before, now)),
        tuple(_departed(before, now)),
    )


def _judged(old: Track | None, track: Track, at: datetime, *, is_seen: bool) -> Track:
    """The track in the state that it is in now."""
    if track.last_at != at and is_seen:  # an old frame, which says nothing about now
        return track
    if track.state is TrackState.LEFT and is_seen:
        back = replace(track, rest=track.last_box, still_since=at, stirred=0)
        return replace(back, state=TrackState.LIVE)
    if track.state is TrackState.SCENE:
        if old is not None and track.still_since > old.still_since:
            return replace(track, state=TrackState.LIVE)
        return replace(track, state=TrackState.LEFT) if _must_have_left(track, at) else track
    if track.state is TrackState.LIVE and is_seen and _has_settled(track):
        return replace(track, state=TrackState.SCENE)
    return track


def _has_settled(track: Track) -> bool:
    """Whether it has stood for long enough."""
    if track.watched or track.sightings < LEAST_SIGHTINGS or not can_be_scene(track.kind):
        return False
    if can_be_parked(track.kind):
        return still_for(track) >= (STILL_AFTER_MOVING if track.seen_moving else STILL_AT_FIRST)
    return not track.seen_moving and still_for(track) >= STILL_AND_ALIVE


def _was_told(old: Track, track: Track, at: datetime, idle: timedelta) -> bool:
    """Whether it stands where it stood at its last sight, whose event is over."""
    return (
        track.state is TrackState.LIVE
        and old.state is TrackState.LIVE
        and can_be_parked(track.kind)
        and not track.watched
        and track.is_at_rest
        and track.still_since <= old.last_at < at - idle
    )


def _must_have_left(track: Track, at: datetime) -> bool:
    enough = _LEAST_MISSED + 2 * track.longest_missed
    return track.missed >= enough and at - track.last_at >= GONE_AFTER


def _seen_off(tracks: Sequence[Track]) -> Iterator[int]:
    """Things of the scene in whose place nothing is, while their like moves off from there."""
    moving = [track for track in tracks if track.state is TrackState.LIVE and track.seen_moving]
    for index, thing in enumerate(tracks):
        is_missed = thing.state is TrackState.SCENE and thing.missed >= _SEEN_OFF
        if is_missed and any(moves_off_from(thing, track) for track in moving):
            yield index


def moves_off_from(thing: Track, track: Track) -> bool:
    """Whether a track that moves may be a thing of the scene that is not seen there any more."""
    return (
        track.kind == thing.kind
        and timedelta(0) < track.first_at - thing.last_at <= _MOVED_OFF_WITHIN
        and boxes_apart(foot_point(thing.rest), foot_point(track.first_box), thing.rest) <= _NEAR
        and likeness(thing.print, track.print) >= 0.6
    )


def _belongs(track: Track, at: datetime) -> bool:
    """Whether a detection of this track in a frame taken `at` belongs to the scene."""
    return track.state is TrackState.SCENE and at >= track.still_since


def _arrived(before: Sequence[Track], now: Sequence[Track]) -> Iterator[int]:
    for index, (old, track) in enumerate(zip(before, now, strict=False)):
        came_back = old.state is TrackState.LEFT and track.state is TrackState.LIVE
        came_to_stand = track.seen_moving and still_for(old) < PARKED_AFTER <= still_for(track)
        if came_back or (came_to_stand and can_be_parked(track.kind)):
            yield index


def _departed(before: Sequence[Track], now: Sequence[Track]) -> Iterator[int]:
    for index, (old, track) in enumerate(zip(before, now, strict=False)):
        if old.state is TrackState.SCENE and track.state in {TrackState.LIVE, TrackState.LEFT}:
            yield index
