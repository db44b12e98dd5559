"""Reads a detection's signs off its track and off what people have drawn on the picture."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from backend.domain.boxes import Box, Detection
from backend.domain.drawings import Drawings
from backend.domain.lines import crossings
from backend.domain.signs import Crossed, InZone, Signs
from backend.domain.tracks import Track, approach, still_for
from backend.domain.zones import zones_of

_EDGE = 0.01  # of the picture


def read(
    before: Track | None,
    track: Track,
    detection: Detection,
    at: datetime,
    drawings: Drawings,
    time_zone: tzinfo,
) -> tuple[Signs, Track]:
    """The signs of a detection, and its track, which knows the zones that it is in.

    `before` is the track as it was before this sight, None for a new one. A sight that is older
    than the track's last says where it was, and nothing of coming and going.
    """
    names = zones_of(detection, drawings.zones, at, time_zone)
    is_late = at < track.last_at
    since = dict(before.within) if before is not None and not is_late else {}
    weights = {zone.name: zone.weight for zone in drawings.zones}
    signs = Signs(
        zones=tuple(
            InZone(
                name,
                weights[name],
                _seconds(at - since.get(name, at)),
                entered=before is not None and not is_late and name not in since,
            )
            for name in names
        ),
        left=tuple(name for name in since if name not in names),
        crossed=() if is_late or before is None else tuple(_crossed(track, at, drawings)),
        still=0.0 if is_late else _seconds(still_for(track)),
        approach=1.0 if is_late or _is_cut(track.first_box) else round(approach(track), 2),
    )
    if is_late:
        return signs, track
    return signs, replace(track, within=tuple((name, since.get(name, at)) for name in names))


def _crossed(track: Track, at: datetime, drawings: Drawings) -> Iterable[Crossed]:
    words = {
        line.name: {"inwards": line.inwards, "outwards": line.outwards} for line in drawings.lines
    }
    trail = [(point.at, (point.x, point.y)) for point in track.path]
    for crossing in crossings(trail, drawings.lines, track.class_name):
        if crossing.at == at:
            direction = crossing.direction
            yield Crossed(crossing.line, direction, words[crossing.line][direction])


def _is_cut(box: Box) -> bool:
    """Whether the picture's edge may hide a part of it: then it grows without coming nearer."""
    return min(box.x, box.y) < _EDGE or max(box.x + box.width, box.y + box.height) > 1 - _EDGE


def _seconds(length: timedelta) -> float:
    return round(length.total_seconds(), 1)
