"""Which folder of pictures belongs to this ledger."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.table import Moment, Table


class PictureStore(Table):
    """The mark that the folder of the pictures carries: one row.

    Where the folder has another one, or none, another disk is mounted in its place.
    """

    __tablename__ = "picture_store"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    mark: Mapped[str]
    marked_at: Mapped[Moment]

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)
