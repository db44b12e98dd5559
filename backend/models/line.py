"""Lines."""

from typing import Any

from sqlalchemy import ARRAY, ForeignKey, Identity, Integer, UniqueConstraint
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.table import Moment, Table


class Line(Table):
    """A line over a camera's picture, and what its directions are called: `domain.lines.Line`."""

    __tablename__ = "lines"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    camera_id: Mapped[int] = mapped_column(ForeignKey("cameras.id", ondelete="CASCADE"))
    created_at: Mapped[Moment]
    changed_at: Mapped[Moment]
    name: Mapped[str]
    inwards: Mapped[str]
    outwards: Mapped[str]
    enabled: Mapped[bool]
    classes: Mapped[list[str]] = mapped_column(ARRAY(SqlText))
    points: Mapped[list[Any]] = mapped_column(JSONB)

    __table_args__ = (UniqueConstraint("camera_id", "name"),)
