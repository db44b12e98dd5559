"""Dead letters: work that cannot succeed."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.table import LongId, Moment, Table


class DeadLetter(Table):
    """A job of a stage that was given up, kept with its reason until somebody replays it.

    One row for each job, however often it is given up: `tries` counts the attempts of all times,
    `replays` how often it was begun anew, `first_at` and `last_at` are when it was given up. It is
    `dead` until it is `replayed` (its work waits again, or has been done since) or `discarded`;
    `decided_at` is when that was last asked for.
    """

    __tablename__ = "dead_letters"

    id: Mapped[LongId]
    frame_id: Mapped[int] = mapped_column(ForeignKey("frames.id", ondelete="CASCADE"), unique=True)
    first_at: Mapped[Moment]
    last_at: Mapped[Moment]
    decided_at: Mapped[Moment | None]
    tries: Mapped[int]
    replays: Mapped[int] = mapped_column(server_default=text("0"))
    stage: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=text("'dead'"))
    reason: Mapped[str]

    __table_args__ = (
        CheckConstraint("stage IN ('detection')", name="stage"),
        CheckConstraint("state IN ('dead', 'replayed', 'discarded')", name="state"),
        CheckConstraint("first_at <= last_at", name="span"),
        CheckConstraint("tries > 0", name="tries"),
        Index("ix_dead_letters_dead", "last_at", "id", postgresql_where=text("state = 'dead'")),
    )
