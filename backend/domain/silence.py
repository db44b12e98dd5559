"""Is a camera silent for longer than is its habit?

Its habit is what lies between its last pictures. A camera is silent when no picture has come for
longer than three times the longest pause that is usual with it, and for at least ten minutes. The
longest pause of all does not count as usual: that may have been an outage; the second longest does.
A camera that was silent at these hours of the day before, too, and is longer there than that, is
thought to sleep: at the latest after a day it is silent all the same.

Of fewer than 20 pictures nothing is concluded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

SAMPLE = 200
"""So many of the last pictures show the habit."""
FEWEST = 20
SOONEST = timedelta(minutes=10)
DAY = timedelta(days=1)
_TIMES = 3


@dataclass(frozen=True, slots=True)
class Habit:
    """What is known of a camera's pictures.

    `captured` are the capture times of its last ones, in any order: by its own clock, so that they
    are compared with each other only. `last_received_at` is when the last one came, by ours.
    `slept_yesterday`: it had pictures before these hours of yesterday, and none in them.
    """

    captured: Sequence[datetime]
    last_received_at: datetime
    slept_yesterday: bool = False


def patience(captured: Sequence[datetime]) -> timedelta | None:
    """How long no picture may come before that is odd; None where nothing can be concluded."""
    if len(captured) < FEWEST:
        return None
    gaps = sorted(later - earlier for earlier, later in pairwise(sorted(captured)))
    return max(_TIMES * gaps[-2], SOONEST)


def is_silent(habit: Habit, now: datetime) -> bool:
    """Whether no picture has come for longer than is usual."""
    silence = now - habit.last_received_at
    longest = patience(habit.captured)
    if longest is None or silence <= longest:
        return False
    return silence >= DAY or not habit.slept_yesterday
