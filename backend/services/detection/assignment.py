"""The best assignment of rows to columns, by LAPJV (Jonker and Volgenant 1987)."""

from collections.abc import Sequence

import lap
import numpy as np


def assign(costs: Sequence[Sequence[float]], limit: float) -> list[int | None]:
    """For each row its column, or None: the sum over all pairs of (limit - cost) is the greatest.

    Costs may be infinite; a pair that costs more than `limit` is never made. All rows have the
    same number of columns.
    """
    if not costs or not costs[0]:
        return [None] * len(costs)
    matrix = np.minimum(np.array(costs, np.float64), 10 * limit)
    _, columns, _ = lap.lapjv(matrix, extend_cost=True, cost_limit=limit)
    return [column if column >= 0 else None for column in columns.tolist()]
