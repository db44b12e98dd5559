"""Files that are no frames, and why."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.table import LongId, Moment, Table


class QuarantinedFile(Table):
    """A file below the media root that cannot be a frame as it is. The file stays where it is.

    It is looked at again when its size, time or inode changes; `released_at` says when it had
    become a frame.
    """

    __tablename__ = "quarantined_files"

    id: Mapped[LongId]
    path: Mapped[str] = mapped_column(unique=True)
    code: Mapped[str]
    reason: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    inode: Mapped[int] = mapped_column(BigInteger)
    first_seen_at: Mapped[Moment]
    last_seen_at: Mapped[Moment]
    released_at: Mapped[Moment | None]
