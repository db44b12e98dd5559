"""Tracks."""

from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, Double, ForeignKey, Index, LargeBinary, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.table import LongId, Moment, Table


class Track(Table):
    """One object of one camera over several frames: `domain.tracks.Track`, exactly.

    Boxes are left, top, width, height. `path` holds microseconds since 1970, x and y for each
    point, `within` by zone the microseconds since when. `class_name` is the one with the most of
    its `votes`, and only there to be shown.
    """

    __tablename__ = "tracks"

    id: Mapped[LongId]
    camera_id: Mapped[int] = mapped_column(ForeignKey("cameras.id", ondelete="CASCADE"))
    first_at: Mapped[Moment]
    last_at: Mapped[Moment]
    still_since: Mapped[Moment]
    sightings: Mapped[int]
    stirred: Mapped[int]
    missed: Mapped[int]
    longest_missed: Mapped[int]
    seen_moving: Mapped[bool]
    watched: Mapped[bool]
    state: Mapped[str]
    class_name: Mapped[str]
    first_box: Mapped[list[float]] = mapped_column(ARRAY(Double))
    last_box: Mapped[list[float]] = mapped_column(ARRAY(Double))
    rest: Mapped[list[float]] = mapped_column(ARRAY(Double))
    print: Mapped[bytes] = mapped_column(LargeBinary)
    votes: Mapped[list[Any]] = mapped_column(JSONB)
    path: Mapped[list[Any]] = mapped_column(JSONB)
    within: Mapped[dict[str, Any]] = mapped_column(JSONB)
    crossed: Mapped[list[Any]] = mapped_column(JSONB)

    __table_args__ = (
        CheckConstraint("state IN ('live', 'scene', 'left', 'ended')", name="state"),
        CheckConstraint("first_at <= last_at", name="span"),
        CheckConstraint("sightings > 0", name="sightings"),
        Index("ix_tracks_open", "camera_id", postgresql_where=text("state <> 'ended'")),
        Index("ix_tracks_camera_id_last_at", "camera_id", "last_at"),
        Index(
            "ix_tracks_over",
            func.int4range(text("camera_id"), text("camera_id"), text("'[]'")),
            func.tstzrange(text("first_at"), text("last_at"), text("'[]'")),
            postgresql_using="gist",
            postgresql_where=text("state = 'ended'"),
        ),
    )
