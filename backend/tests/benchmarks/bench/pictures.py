"""Pictures for a round: the project's fourteen, each made different by bytes behind its end."""

import os
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parents[2] / "fixtures" / "images" / "pipeline_test"


@cache
def _kept() -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(_FOLDER.glob("*.jpg")))


def picture(number: int, *, like: int | None = None) -> bytes:
    """A whole JPEG of 1280 x 720; another number is another content.

    `like` says which of the fourteen it is, by its place among them.
    """
    kept = _kept()
    return kept[(number if like is None else like) % len(kept)] + b"%d" % number


def put(path: Path, data: bytes, *, taken_at: datetime) -> None:
    """Write a picture's file, and close it; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.utime(file.fileno(), (taken_at.timestamp(),) * 2)


def put_many(root: Path, number: int, *, first: int, cameras: int = 4) -> int:
    """Put pictures of some cameras, all different, a second apart; how many."""
    begin = datetime.now(UTC) - timedelta(hours=2)
    for i in range(number):
        path = root / f"Camera {i % cameras}" / f"{first + i}.jpg"
        put(path, picture(first + i), taken_at=begin + timedelta(seconds=i))
    return number
