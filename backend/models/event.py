"""Events."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.table import LongId, Moment, Table


class Event(Table):
    """One happening at one camera. `first_at` and `last_at` are capture times, the others ours.

    `told_at` is when its first message was numbered: from then on readers find it. `facts` sums up
    its detections (`domain.risk.Facts`), so that a further frame is judged without reading all the
    earlier ones; `classes` and `zones` are the names in it. `score` is that of its current
    assessment.
    """

    __tablename__ = "events"

    id: Mapped[LongId]
    camera_id: Mapped[int] = mapped_column(ForeignKey("cameras.id", ondelete="CASCADE"))
    continues_event_id: Mapped[int | None] = mapped_column(
        ForeignKey("events.id", ondelete="SET NULL")
    )
    cover_frame_id: Mapped[int | None] = mapped_column(BigInteger)
    first_at: Mapped[Moment]
    last_at: Mapped[Moment]
    opened_at: Mapped[Moment]
    attached_at: Mapped[Moment]
    told_at: Mapped[Moment | None]
    closed_at: Mapped[Moment | None]
    reviewed_at: Mapped[Moment | None]
    detections: Mapped[int]
    frames: Mapped[int]
    score: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[str]
    detector: Mapped[str]
    summary: Mapped[str]
    notes: Mapped[str | None]
    classes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    zones: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)

    __table_args__ = (
        CheckConstraint("state IN ('open', 'closed')", name="state"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed"),
        CheckConstraint("score BETWEEN 0 AND 100", name="score"),
        CheckConstraint("first_at <= last_at", name="span"),
        # Without contrib there is no plain equality in a gist index: a range of one camera is one.
        ExcludeConstraint(
            (func.int4range(text("camera_id"), text("camera_id"), text("'[]'")), "&&"),
            (func.tstzrange(text("first_at"), text("last_at"), text("'[]'")), "&&"),
            name="ex_events_one_at_a_time",
            using="gist",
        ),
        Index("ix_events_first_at", "first_at", "id"),
        Index("ix_events_camera_id_first_at", "camera_id", "first_at", "id"),
        Index("ix_events_open", "attached_at", postgresql_where=text("state = 'open'")),
        Index(
            "ix_events_continues_event_id",
            "continues_event_id",
            postgresql_where=text("continues_event_id IS NOT NULL"),
        ),
    )
