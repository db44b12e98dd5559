"""Suppressions: what the owner said is never what the detector takes it for."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.table import Moment, Table


class Suppression(Table):
    """Detections of a class, in one place and of one look, that do not count until `ends_at`.

    `undone_at` is set where the owner took it back. `hidden` counts what it has hidden, last at
    `hidden_at`. `track_id` is the track that it was made from, if that is still kept.
    """

    __tablename__ = "suppressions"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    camera_id: Mapped[int] = mapped_column(ForeignKey("cameras.id", ondelete="CASCADE"))
    track_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[Moment]
    ends_at: Mapped[Moment]
    undone_at: Mapped[Moment | None]
    hidden_at: Mapped[Moment | None]
    hidden: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    class_name: Mapped[str]
    box: Mapped[list[float]] = mapped_column(ARRAY(Double))
    print: Mapped[bytes] = mapped_column(LargeBinary)
    note: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("ends_at > created_at", name="span"),
        Index("ix_suppressions_camera_id", "camera_id", "id"),
    )
