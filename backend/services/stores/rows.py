"""Rows as plain dictionaries, for what is shown as it is stored."""

from typing import Any

from sqlalchemy import Result
from sqlalchemy.ext.asyncio import AsyncSession

Record = dict[str, Any]

Session = AsyncSession
"""A transaction's session, by a name for those who pass it on and know no SQL."""


def records(rows: Result[Any]) -> list[Record]:
    """All rows, by column name."""
    return [dict(row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it


def record(rows: Result[Any]) -> Record | None:
    """The only row, or None."""
    row = rows.one_or_none()
    return None if row is None else dict(row._mapping)  # noqa: SLF001
