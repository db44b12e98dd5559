"""What a detector has learnt about a camera."""

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.table import Moment, Table


class DetectorMemory(Table):
    """A detector's own memory of one camera: the background picture of the motion detector."""

    __tablename__ = "detector_memories"

    camera_id: Mapped[int] = mapped_column(
        ForeignKey("cameras.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    detector: Mapped[str] = mapped_column(primary_key=True)
    memory: Mapped[bytes] = mapped_column(LargeBinary)
    stored_at: Mapped[Moment]
