"""Ratios keep generous bounds: a fault of ours moves them tenfold, a busy machine does not.

What a figure really is, and its goal, `./hsi bench` says.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.services.detection.runtimes.opening import is_installed
from backend.tests.benchmarks.bench.figures import figures_named, measured
from backend.tests.benchmarks.bench.floors.session import OPENERS
from backend.tests.benchmarks.bench.place import Bench
from backend.tests.benchmarks.bench.rows import Goal, Row
from backend.tests.fixtures.onnx_models import write_dog_model

BOUNDS: Mapping[str, tuple[Goal, ...]] = {
    "P1": (Goal(most=60), Goal(most=60)),
    "P2": (Goal(least=0.02), Goal(least=0.1), Goal(most=150)),
    "P3": (Goal(least=0.02), Goal(least=0.01), Goal(least=0.1)),
    "P4": (Goal(least=0.05),) * sum(map(is_installed, OPENERS)),
    "P6": (Goal(most=90), Goal(most=20), Goal(most=10), Goal(most=30)),
    "P7": (Goal(most=1, least=1),) * 3,
    "P8": (Goal(most=0.5), Goal(most=1), Goal(most=0.5), Goal(most=2), Goal(most=10)),
    "P9": (Goal(least=0.03),),
    "P13": (Goal(most=150), Goal(most=150)),
    "P19": (Goal(most=1),),
    "P20": (Goal(most=6000), Goal(most=600), Goal(most=1500), Goal(most=3000)),
    "P21": (Goal(least=0.03), Goal(least=0.03)),
    "P23": (Goal(least=1.1), Goal(most=3)),
    "T1": (Goal(most=2),),
}


def bounded(rows: list[Row], bounds: tuple[Goal, ...]) -> list[str]:
    """What is out of bounds, in words."""
    found = [row for row in rows if row.ratio is not None]
    assert len(found) == len(bounds), [row.measured for row in found]
    return [
        f"{row.measured}: {row.ratio:.3g}, not {bound}"
        for row, bound in zip(found, bounds, strict=True)
        if row.ratio is None or not bound.is_met(row.ratio)
    ]


def _asked(name: str) -> Any:
    """P23 starts a dozen workers, and takes a minute."""
    return pytest.param(name, marks=pytest.mark.long) if name == "P23" else name


@pytest.mark.parametrize("name", [_asked(name) for name in BOUNDS])
async def test_a_ratio_is_within_its_bound(bench: Bench, name: str, tmp_path: Path) -> None:
    model = write_dog_model(tmp_path / "dog.onnx")
    rows = await measured(figures_named([name]), replace(bench, models=(model,)))
    if all(row.ratio is None for row in rows):
        pytest.skip(rows[0].note)
    assert bounded(rows, BOUNDS[name]) == []
    for row in rows:
        if row.ratio is not None:
            assert row.low is not None
            assert row.high is not None
            assert row.low <= row.ratio <= row.high
