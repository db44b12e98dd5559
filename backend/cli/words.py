"""Times, sizes and moments as people write them."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from backend.core.errors import Invalid

NOTHING = "-"
_AGO = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def local_time(text: str | None, *, exact: bool = False) -> str:
    """A time of the API on this machine's clock; `exact` to a millisecond."""
    if text is None:
        return NOTHING
    local = datetime.fromisoformat(text).astimezone()
    return local.strftime("%Y-%m-%d %H:%M:%S.%f")[: 23 if exact else 19]


def seconds_between(first: str, second: str) -> float:
    """How many seconds lie between two times of the API."""
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()


def duration(seconds: float) -> str:
    """A length of time by its two largest units."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, smaller_size, smaller in (
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // smaller_size} {smaller}"
    return f"{whole} s"


def file_size(size: int) -> str:
    """Bytes, in the unit that suits."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def percent(share: float) -> str:
    """A share, 0..1, in whole percents."""
    return f"{share:.0%}"


def place(box: Mapping[str, float]) -> str:
    """A box of the API, in percents of the picture."""
    return " ".join(percent(box[side]) for side in ("x", "y", "width", "height"))


def counted(number: int, thing: str) -> str:
    """`1 frame`, `2 frames`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def pairs(values: Mapping[str, object] | None) -> str:
    """`frames 3, local time 23:10`."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in (values or {}).items())


def moment(text: str, now: datetime) -> str:
    """A moment for the API: `2h` before now, a date, or a date and time, here unless it says where.

    Raises Invalid for anything else.
    """
    try:
        if match := _AGO.fullmatch(text):
            return (now - timedelta(**{_UNITS[match[2]]: int(match[1])})).isoformat()
        return datetime.fromisoformat(text).astimezone().isoformat()
    except (ValueError, OverflowError) as error:
        raise Invalid(
            f"--since {text}: neither like 90s, 30m, 2h, 3d nor like 2026-03-01 or "
            "2026-03-01T18:30",
            code="since.invalid",
        ) from error
