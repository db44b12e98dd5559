"""A moment as people say it: `03:10`, or with its day."""

import re
from datetime import UTC, datetime, time, timedelta, tzinfo

_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


def moment_said(text: str, zone: tzinfo, now: datetime) -> datetime:
    """The moment that is meant, in UTC.

    `03:10` is the last time that it was so late in `zone`, of the two in the night that has them
    twice; a date and time are there, too, unless they say their own zone. Raises `ValueError` for
    what is neither.
    """
    match = _TIME_OF_DAY.fullmatch(text.strip())
    try:
        if match is None:
            said = datetime.fromisoformat(text.strip())
            return (said if said.tzinfo else said.replace(tzinfo=zone)).astimezone(UTC)
        hour, minute, second = (int(part or 0) for part in match.groups())
        return _last(time(hour, minute, second), zone, now)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"no time: {text}") from error


def _last(said: time, zone: tzinfo, now: datetime) -> datetime:
    """The last moment, up to now, at which the clocks in `zone` showed this time."""
    day = now.astimezone(zone).date()
    while True:
        for fold in (1, 0):
            local = datetime.combine(day, said, zone).replace(fold=fold)
            meant = local.astimezone(UTC)
            # In spring an hour is left out: no clock showed a time in it.
            if meant <= now and meant.astimezone(zone).time() == said:
                return meant
        day -= timedelta(days=1)
