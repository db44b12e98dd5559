"""A daily window of time, by the clock on the wall."""

import re
from dataclasses import dataclass
from datetime import datetime, time

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = frozenset(range(7))

_WINDOW = re.compile(r"(?:([a-z,-]+) +)?(\d{1,2}:\d{2}) *- *(\d{1,2}:\d{2})", re.ASCII)
_WANTED = 'must be a daily window like "22:00-06:00" or "mon-fri 22:00-06:00"'


@dataclass(frozen=True, slots=True)
class Hours:
    """From `start` until just before `end`, which is on the next day where it is not later.

    `weekdays` (0 is Monday) are the days on which the window begins: that of Friday 22:00-06:00
    lasts into Saturday. The wall's clock decides: where it jumps ahead, a window within the hour
    that is left out does not come; where it goes back, one within the hour that repeats comes
    twice, and the others take an hour less or more.
    """

    start: time
    end: time
    weekdays: frozenset[int] = EVERY_DAY

    def __str__(self) -> str:
        window = f"{self.start:%H:%M}-{self.end:%H:%M}"
        if self.weekdays == EVERY_DAY:
            return window
        return f"{','.join(WEEKDAYS[day] for day in sorted(self.weekdays))} {window}"

    def include(self, local: datetime) -> bool:
        """Whether this moment, as the camera's own clock shows it, lies within the window."""
        now, today = local.time(), local.weekday()
        if self.start < self.end:
            return today in self.weekdays and self.start <= now < self.end
        began_today = now >= self.start and today in self.weekdays
        return began_today or (now < self.end and (today - 1) % 7 in self.weekdays)


def hours_of(raw: object) -> Hours:
    """The window that a text names: `22:00-06:00`, `mon-fri 08:00-17:00`, `sat,sun 00:00-12:00`.

    Raises `ValueError` with what is wrong.
    """
    match = _WINDOW.fullmatch(raw.strip().lower()) if isinstance(raw, str) else None
    if match is None:
        raise ValueError(_WANTED)
    days, start, end = match[1], _time(match[2]), _time(match[3])
    if start == end:
        raise ValueError("must not end when they begin: without hours it is the whole day")
    return Hours(start, end, _weekdays(days) if days else EVERY_DAY)


def _time(text: str) -> time:
    hour, minute = map(int, text.split(":"))
    try:
        return time(hour, minute)
    except ValueError:
        raise ValueError(f"have a time that is none: {text} (00:00 to 23:59)") from None


def _weekdays(text: str) -> frozenset[int]:
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
            raise ValueError(f"have a day that is none: {part[:20]} ({', '.join(WEEKDAYS)})")
        begin = WEEKDAYS.index(first)
        days |= {(begin + i) % 7 for i in range((WEEKDAYS.index(last or first) - begin) % 7 + 1)}
    return frozenset(days)
