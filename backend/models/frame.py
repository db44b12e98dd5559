"""Frames: the ledger."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.table import LongId, Moment, Table


class Frame(Table):
    """One still image, from the moment it was complete to its final state.

    `completed_at` is when the kernel said that the file was complete; nobody knows it of a file
    that a scan found. `path` is the file's place below the camera's folder; with `size`, `mtime_ns`
    and `inode` a scan knows the file again without reading it. `attempts` counts how often the work
    on it began and did not end. `remarks` says what the detector dropped, why nothing was
    found, and which model of a service looked.
    """

    __tablename__ = "frames"

    id: Mapped[LongId]
    camera_id: Mapped[int] = mapped_column(ForeignKey("cameras.id", ondelete="CASCADE"))
    event_id: Mapped[int | None] = mapped_column(ForeignKey("events.id", ondelete="SET NULL"))
    completed_at: Mapped[Moment | None]
    received_at: Mapped[Moment]
    captured_at: Mapped[Moment]
    claimed_at: Mapped[Moment | None]
    finished_at: Mapped[Moment | None]
    size: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    inode: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int]
    height: Mapped[int]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    clock_suspect: Mapped[bool]
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    path: Mapped[str]
    found_by: Mapped[str]
    captured_from: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=text("'received'"))
    detector: Mapped[str | None]
    reason: Mapped[str | None]
    remarks: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    __table_args__ = (
        UniqueConstraint("camera_id", "path", "content_hash"),
        CheckConstraint(
            "state IN ('received', 'attached', 'empty', 'skipped', 'quarantined', 'buried')",
            name="state",
        ),
        CheckConstraint("(state = 'received') = (finished_at IS NULL)", name="finished"),
        CheckConstraint("found_by IN ('watch', 'scan')", name="found_by"),
        CheckConstraint("captured_from IN ('exif', 'mtime', 'received')", name="captured_from"),
        CheckConstraint("length(content_hash) = 32", name="content_hash"),
        Index(
            "ix_frames_waiting",
            "camera_id",
            "captured_at",
            "id",
            postgresql_where=text("state = 'received'"),
        ),
        Index(
            "ix_frames_live",
            "camera_id",
            "received_at",
            postgresql_where=text("state = 'received' AND found_by = 'watch'"),
        ),
        Index("ix_frames_captured_at", "captured_at", "id"),
        Index("ix_frames_camera_id_captured_at", "camera_id", "captured_at", "id"),
        Index("ix_frames_content_hash", "content_hash", postgresql_using="hash"),
        Index("ix_frames_event_id", "event_id", postgresql_where=text("event_id IS NOT NULL")),
    )
