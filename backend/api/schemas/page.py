"""Pages of lists."""

from typing import Generic, TypeVar

from pydantic import BaseModel, Field

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """Some items of a list, and where the next ones are."""

    items: list[Item]
    next_cursor: str | None = Field(
        description="To be sent as `cursor` for the next page; null on the last one."
    )
