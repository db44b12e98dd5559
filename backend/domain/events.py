"""When do detections belong together, and when is an event over?

Pure rules, all in capture time, so that pictures worked off in capture order make the same events
whether they came live or late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class EventRules:
    """`idle`: so long after its last detection an event is over. `longest`: an event that has
    lasted this long is continued by a new one."""

    idle: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Span:
    """The capture times of the first and the last detection of an event."""

    first: datetime
    last: datetime

    def distance(self, at: datetime) -> timedelta:
        """How far a moment lies outside the span; nothing for a moment within it."""
        return max(self.first - at, at - self.last, timedelta(0))

    def widened(self, at: datetime) -> "Span":
        """The smallest span that also holds this moment."""
        return Span(min(self.first, at), max(self.last, at))


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a moment belongs: in the event at `index`, or, where that is None, in a new one.

    A new event may continue the event at `continues`, or be continued by the one at
    `continued_by`, because that one would have become too long.
    """

    index: int | None
    continues: int | None = None
    continued_by: int | None = None


def place(spans: Sequence[Span], at: datetime, rules: EventRules) -> Placement:
    """Which of a camera's events takes a detection at this moment.

    The nearest event of those no further away than `idle` (on a tie the earlier), unless it would
    become longer than `longest`; then the next nearest; then a new event. The spans of one camera
    never overlap, and what is returned keeps it so.
    """
    near = sorted(
        (i for i, span in enumerate(spans) if span.distance(at) <= rules.idle),
        key=lambda i: (spans[i].distance(at), spans[i].first),
    )
    for i in near:
        wide = spans[i].widened(at)
        if spans[i].distance(at) == timedelta(0) or wide.last - wide.first <= rules.longest:
            return Placement(i)
    before = [i for i in near if spans[i].last < at]
    after = [i for i in near if spans[i].first > at]
    return Placement(
        None,
        continues=before[0] if before else None,
        continued_by=after[0] if after and not before else None,
    )
