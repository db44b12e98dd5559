"""Privacy masks."""

from typing import Any

from sqlalchemy import ForeignKey, Identity, Integer, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.table import Moment, Table


class Mask(Table):
    """A part of a camera's picture that nobody and nothing may see: `domain.masks.Mask`."""

    __tablename__ = "masks"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    camera_id: Mapped[int] = mapped_column(ForeignKey("cameras.id", ondelete="CASCADE"))
    created_at: Mapped[Moment]
    changed_at: Mapped[Moment]
    name: Mapped[str]
    enabled: Mapped[bool]
    points: Mapped[list[Any]] = mapped_column(JSONB)

    __table_args__ = (UniqueConstraint("camera_id", "name"),)
