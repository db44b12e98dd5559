"""The states of a frame, and the lanes it may wait in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class FrameState(StrEnum):
    """What has become of a frame. Every state but `received` is final."""

    RECEIVED = "received"
    """In the ledger, waiting for the detector."""
    ATTACHED = "attached"
    """It showed something, and belongs to an event."""
    EMPTY = "empty"
    """It was looked at, and showed nothing that matters."""
    SKIPPED = "skipped"
    """Nobody looked at it: its camera sent more than could be looked at."""
    QUARANTINED = "quarantined"
    """It is no picture that can be decoded to its end."""
    BURIED = "buried"
    """The work on it cannot succeed; kept with its reason until somebody replays it."""


class Lane(StrEnum):
    """Which of a camera's waiting frames are meant: live ones go before the backlog."""

    LIVE = "live"
    BACKLOG = "backlog"


LIVE_FOR = timedelta(seconds=60)
"""A frame that waited longer than this has missed its moment, and belongs to the backlog."""

MAX_ATTEMPTS = 3
"""So often may the work on one frame fail, or kill its process, before the frame is buried."""


def lane_of(found_by: str, received_at: datetime, now: datetime) -> Lane:
    """The lane of a waiting frame: what a scan found was lying there before we looked."""
    if found_by == "watch" and now - received_at < LIVE_FOR:
        return Lane.LIVE
    return Lane.BACKLOG


@dataclass(frozen=True, slots=True)
class FileMark:
    """By what a scan knows a file again without reading it."""

    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A complete file, as it goes into the ledger. `content_hash` is its SHA-256.

    `completed_at` is when the kernel said that it was complete, where it did. With a reason why it
    is `skipped`, nobody will look at it.
    """

    camera_id: int
    path: str
    mark: FileMark
    content_hash: bytes
    width: int
    height: int
    received_at: datetime
    captured_at: datetime
    captured_from: str
    clock_suspect: bool
    found_by: str
    completed_at: datetime | None = None
    skipped: str | None = None

    @property
    def came_at(self) -> datetime:
        """When it came, on our own clock: also after the files had to wait to be taken in."""
        return self.completed_at or self.received_at


@dataclass(frozen=True, slots=True)
class WaitingFrame:
    """A frame that a worker has claimed; `reason` is why the last attempt failed, if known."""

    id: int
    camera_id: int
    content_hash: bytes
    captured_at: datetime
    width: int
    height: int
    attempts: int
    reason: str | None
