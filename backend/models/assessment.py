"""Assessments."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, SmallInteger, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.table import LongId, Moment, Table


class Assessment(Table):
    """One judgement of an event; the one with the highest number is the current one.

    `upto_detection_id` is the last detection that it knew: the score follows from the event's
    detections up to that one, and can be made again.
    """

    __tablename__ = "assessments"

    id: Mapped[LongId]
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    number: Mapped[int]
    upto_detection_id: Mapped[int] = mapped_column(BigInteger)
    judged_at: Mapped[Moment]
    judged_by: Mapped[str]
    version: Mapped[str]
    time_zone: Mapped[str]
    score: Mapped[int] = mapped_column(SmallInteger)
    factors: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    summary: Mapped[str]

    __table_args__ = (
        UniqueConstraint("event_id", "number"),
        CheckConstraint("score BETWEEN 0 AND 100", name="score"),
    )
