"""What there is to be done in the ledger, for Prometheus; counted when it is asked.

Only what is not final is counted, through partial indexes: `core.metrics` counts the frames that
become final, as they do.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from backend.core.database import Session
from backend.core.errors import Unavailable
from backend.services.stores import dead_letters, events, frames, quarantine


@dataclass(frozen=True, slots=True)
class Figures:
    """How many frames wait, events are open, files are in quarantine, and letters are dead."""

    waiting_frames: int
    open_events: int
    quarantined: int
    dead_letters: int


async def figures(
    transaction: Callable[[], AbstractAsyncContextManager[Session]],
) -> Figures | None:
    """The figures; None where the database does not answer, or is not for us."""
    try:
        async with transaction() as session:
            return Figures(
                await frames.count_waiting(session),
                await events.count_open(session),
                await quarantine.count(session),
                await dead_letters.count(session),
            )
    except Unavailable:
        return None


def exposition_of(found: Figures | None) -> bytes:
    """The figures in Prometheus's text format; without them, that there is no database."""
    registry = CollectorRegistry()
    registry.register(_Ledger(found))
    return generate_latest(registry)


class _Ledger(Collector):
    def __init__(self, found: Figures | None) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        """One family for each figure."""
        yield _gauge("hsi_database_up", "Whether the database answers", self._found is not None)
        if self._found is None:
            return
        waiting, opened = self._found.waiting_frames, self._found.open_events
        yield _gauge("hsi_frames_waiting", "Frames that nobody has looked at yet", waiting)
        yield _gauge("hsi_events_open", "Events that are not over", opened)
        yield _gauge("hsi_quarantined_files", "Files that are no frames", self._found.quarantined)
        yield _gauge("hsi_dead_letters", "Work that was given up", self._found.dead_letters)


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, value=value)
