"""Detections."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB, REAL
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.table import LongId, Table


class Detection(Table):
    """One object found in one frame; its box in fractions of the picture.

    `signs` is what its track, and the camera's zones and lines, said of it at that moment
    (`domain.signs.Signs`): scores are made again from it. `enrichment` is what each enricher gave.
    """

    __tablename__ = "detections"

    id: Mapped[LongId]
    frame_id: Mapped[int] = mapped_column(ForeignKey("frames.id", ondelete="CASCADE"))
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    confidence: Mapped[float] = mapped_column(REAL)
    x: Mapped[float] = mapped_column(REAL)
    y: Mapped[float] = mapped_column(REAL)
    width: Mapped[float] = mapped_column(REAL)
    height: Mapped[float] = mapped_column(REAL)
    track_id: Mapped[int | None] = mapped_column(BigInteger)
    class_name: Mapped[str]
    alternatives: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    signs: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    enrichment: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    __table_args__ = (
        CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
        CheckConstraint("x >= 0 AND y >= 0 AND width > 0 AND height > 0", name="box"),
        Index("ix_detections_frame_id", "frame_id"),
        Index("ix_detections_event_id", "event_id", "id"),
    )
