"""Suppressions, as the pipeline needs them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.domain.boxes import Box
from backend.domain.suppressions import Suppression


def suppression_of(row: Mapping[str, Any]) -> Suppression:
    """From a row, whose print may be bytes, or their hexadecimal digits as JSON has them."""
    print_ = row["print"]
    return Suppression(
        row["id"],
        row["class_name"],
        Box(*row["box"]),
        bytes.fromhex(print_.removeprefix("\\x")) if isinstance(print_, str) else print_,
    )


async def count_hidden(session: AsyncSession, hidden: Mapping[int, int], *, now: datetime) -> None:
    """Count, by suppression, what it has hidden."""
    if not hidden:
        return
    await session.execute(
        text(
            "UPDATE suppressions s SET hidden = hidden + h.number, hidden_at = :now "
            "FROM unnest(CAST(:ids AS int[]), CAST(:numbers AS int[])) AS h (id, number) "
            "WHERE s.id = h.id"
        ),
        {"ids": list(hidden), "numbers": list(hidden.values()), "now": now},
    )
