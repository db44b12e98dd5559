"""The table: every figure of the product, and what measures it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module

from backend.tests.benchmarks.bench.place import Bench
from backend.tests.benchmarks.bench.rows import Row

_PACKAGE = "backend.tests.benchmarks.bench"
Measurement = Callable[[Bench], Awaitable[list[Row]]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure by its id. `by` is `module.function`; without one, `missing` says why."""

    id: str
    about: str
    by: str = ""
    missing: str = ""

    def measurement(self) -> Measurement | None:
        """What measures it; its module is loaded only now."""
        if not self.by:
            return None
        module, _, function = self.by.rpartition(".")
        found: Measurement = getattr(import_module(f"{_PACKAGE}.{module}"), function)
        return found

    @property
    def missing_row(self) -> Row:
        """The row of a figure that nothing measures."""
        return Row(self.id, self.about, "", note=self.missing)


FIGURES = (
    Figure("P1", "file closed -> row in the ledger", "arrival.measure"),
    Figure("P2", "backlog of 100,000 files", "backlog.measure"),
    Figure("P3", "pictures per second, null detector", "throughput.measure"),
    Figure("P4", "detector / bare session", "detector.speed.measure"),
    Figure("P5", "detector / plain pipeline", "detector.speed.measure"),
    Figure("P6", "what the detector adds to its model", "detector.service.measure"),
    Figure("P7", "decodes per picture", "counts.measure_decodes"),
    Figure("P8", "commits and statements per picture", "counts.measure_statements"),
    Figure("P9", "GET /api/events?limit=50", "answers.measure_list"),
    Figure("P10", "pages of lists over many rows", "pages.measure"),
    Figure("P11", "API beside the pipeline at 80 %", missing="no measurement yet"),
    Figure("P12", "one event to 1,000 sockets", missing="no measurement yet"),
    Figure("P13", "file closed -> WebSocket message", "live.measure"),
    Figure("P14", "first message about an event", missing="no measurement yet"),
    Figure("P15", "language model", missing="there is none yet"),
    Figure("P16", "memory at rest", "installed.measure_rest"),
    Figure("P17", "start", "installed.measure_start"),
    Figure("P18", "processor time at rest", "installed.measure_rest"),
    Figure("P19", "Redis round trips per picture", "counts.measure_round_trips"),
    Figure("P20", "bytes on disk per row", "counts.measure_disk"),
    Figure("P21", "media served", "answers.measure_media"),
    Figure("P22", "retention", missing="nothing is ever deleted yet"),
    Figure("P23", "two workers / one", "workers.measure"),
    Figure("P24", "unit level / empty tests", "unit_level.measure"),
    Figure("P25", "detector on a GPU", "gpu.measure"),
    Figure("T1", "following a frame's things / one inference", "tracking.measure"),
)


DETECTOR = ("P4", "P5", "P6", "P7")
"""The figures of `hsi bench detector`."""


def figures_named(ids: list[str]) -> list[Figure]:
    """The figures of these ids, or all, in the table's order. Raises ValueError for others."""
    unknown = sorted(set(ids) - {figure.id for figure in FIGURES})
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no such figure; there are P1 to P25, and T1")
    return [figure for figure in FIGURES if not ids or figure.id in ids]


def together(figures: list[Figure]) -> list[list[Figure]]:
    """The figures in groups that are measured at once; those that nothing measures are alone."""
    groups: dict[str, list[Figure]] = {}
    for figure in figures:
        groups.setdefault(figure.by or figure.id, []).append(figure)
    return list(groups.values())


async def measured(group: list[Figure], bench: Bench) -> list[Row]:
    """The rows of one group."""
    measurement = group[0].measurement()
    if measurement is None:
        return [figure.missing_row for figure in group]
    wanted = {figure.id for figure in group}
    return [row for row in await measurement(bench) if row.id in wanted]


def in_order(rows: list[Row]) -> list[Row]:
    """Rows as the table has them."""
    order = [figure.id for figure in FIGURES]
    return sorted(rows, key=lambda row: order.index(row.id))
