"""Reads a detection's signs off its track and off what people have drawn on the picture."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from backend.domain.boxes import Detection, foot_point, is_at_edge
from backend.domain.drawings import Drawings
from backend.domain.lines import Trail, crossings
from backend.domain.signs import Crossed, Direction, InZone, Signs
from backend.domain.tracks import LastCrossing, Track, approach, boxes_apart, still_for
from backend.domain.zones import holds, zones_of

_AWAY = 0.25  # boxes from the spot of a crossing


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
    entered = set() if before is None or is_late else set(_entered(before, names, since, drawings))
    crossed, last = _crossed(before, track, at, drawings) if not is_late else ((), track.crossed)
    signs = Signs(
        zones=tuple(
            InZone(
                name,
                weights[name],
                _seconds(at - since.get(name, at)),
                entered=name in entered,
            )
            for name in names
        ),
        left=tuple(sorted(name for name in since if name not in names)),
        crossed=crossed,
        still=0.0 if is_late else _seconds(still_for(track)),
        approach=1.0 if is_late or is_at_edge(track.first_box) else round(approach(track), 2),
    )
    if is_late:
        return signs, track
    within = tuple((name, since.get(name, at)) for name in names)
    return signs, replace(track, within=within, crossed=last)


def _entered(
    before: Track, names: Iterable[str], since: Collection[str], drawings: Drawings
) -> Iterable[str]:
    """Of the zones that it is in now, those that it was outside of: not those that came to it, as
    their hours begin, or as they are drawn."""
    zones = {zone.name: zone for zone in drawings.zones}
    return (name for name in names if name not in since and not holds(zones[name], before.last_box))


def _crossed(
    before: Track | None, track: Track, at: datetime, drawings: Drawings
) -> tuple[tuple[Crossed, ...], tuple[LastCrossing, ...]]:
    """The lines that were crossed with the last step, and the last crossing of each line.

    Who sways upon a line crosses it once: again only after being away from that spot.
    """
    if before is None or not drawings.lines:
        return (), track.crossed
    foot, box = foot_point(track.last_box), track.last_box
    last = {
        one.line: one._replace(left=one.left or boxes_apart((one.x, one.y), foot, box) >= _AWAY)
        for one in track.crossed
    }
    # The path as it was, and this step: the track's own path forgets points in between.
    trail = [*((point.at, (point.x, point.y)) for point in before.path), (at, foot)]
    words = {
        line.name: {"inwards": line.inwards, "outwards": line.outwards} for line in drawings.lines
    }
    told: list[Crossed] = []
    for line, direction in _just_crossed(trail, at, drawings, track.class_name):
        if line not in last or last[line].left:
            told.append(Crossed(line, direction, words[line][direction]))
            last[line] = LastCrossing(line, *foot)
    return tuple(told), tuple(last.values())


def _just_crossed(
    trail: Trail, at: datetime, drawings: Drawings, class_name: str
) -> Iterable[tuple[str, Direction]]:
    return (
        (crossing.line, crossing.direction)
        for crossing in crossings(trail, drawings.lines, class_name)
        if crossing.at == at
    )


def _seconds(length: timedelta) -> float:
    return round(length.total_seconds(), 1)
