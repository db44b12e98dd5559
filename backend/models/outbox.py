"""The outbox: what the world is told."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.table import LongId, Moment, Table


class OutboxMessage(Table):
    """One message, written in the transaction of what it tells of.

    `number` is given later, by the relay: without gaps, in the order in which readers may see them.
    """

    __tablename__ = "outbox"

    id: Mapped[LongId]
    number: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    written_at: Mapped[Moment]
    camera_id: Mapped[int]
    event_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)

    __table_args__ = (Index("ix_outbox_unnumbered", "id", postgresql_where=text("number IS NULL")),)


class OutboxCounter(Table):
    """The last number given: one row, so that numbers go on when old messages are gone."""

    __tablename__ = "outbox_counter"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_number: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)
