"""Cameras."""

from sqlalchemy import BigInteger, Identity, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.table import Moment, Table


class Camera(Table):
    """A source of frames, and the lease of the worker that is at work on it.

    `folder` is the name of its folder as `domain.paths` writes it. A deleted camera keeps its row
    (a tombstone), so that its folder stays ignored; `ignored_files` counts what came since.
    `scan_wanted_at` is set while what lies in the folder is to be found, since it was restored.
    `skipped_frames` counts the frames that were passed over since it sent more than could be looked
    at; `skipped_at` is the last time. `masks_changed_at` is when its privacy masks last changed:
    what was drawn from its pictures before that is to be drawn anew.
    """

    __tablename__ = "cameras"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    folder: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    time_zone: Mapped[str | None]
    created_at: Mapped[Moment]
    deleted_at: Mapped[Moment | None]
    ignored_files: Mapped[int] = mapped_column(server_default=text("0"))
    scan_wanted_at: Mapped[Moment | None]
    skipped_frames: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    skipped_at: Mapped[Moment | None]
    masks_changed_at: Mapped[Moment | None]
    lease_holder: Mapped[str | None]
    lease_until: Mapped[Moment | None]
