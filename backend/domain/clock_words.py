"""A moment as people say it: `03:10`, or with its day."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


def moment_said(text: str, zone: tzinfo, now: datetime) -> datetime:
    """The moment that is meant, in UTC.

    `03:10` is the last time that it was so late in `zone`; a date and time are there, too, unless
    they say their own zone. Raises `ValueError` for what is neither.
    """
    match = _TIME_OF_DAY.fullmatch(text.strip())
    try:
        if match is None:
            said = datetime.fromisoformat(text.strip())
            return (said if said.tzinfo else said.replace(tzinfo=zone)).astimezone(UTC)
        hour, minute, second = (int(part or 0) for part in match.groups())
        today = now.astimezone(zone).replace(
            hour=hour, minute=minute, second=second, microsecond=0, fold=0
        )
        meant = today if today <= now else today - timedelta(days=1)
        return meant.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"no time: {text}") from error
