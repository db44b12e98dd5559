"""How much there is in the ledger, for Prometheus; counted when it is asked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from backend.core.database import Database
from backend.core.errors import Unavailable
from backend.domain.frames import FrameState
from backend.services.stores import events, frames, quarantine


@dataclass(frozen=True, slots=True)
class Figures:
    """How many frames are in each state, events open, and files in quarantine."""

    frames: Mapping[str, int]
    open_events: int
    quarantined: int


async def figures(database: Database) -> Figures | None:
    """The figures; None where the database does not answer."""
    try:
        async with database.transaction() as session:
            return Figures(
                await frames.counts(session),
                await events.count_open(session),
                await quarantine.count(session),
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
        frames_by_state = GaugeMetricFamily("hsi_frames", "Frames in the ledger", labels=["state"])
        for state in FrameState:
            frames_by_state.add_metric([state.value], self._found.frames.get(state.value, 0))
        yield frames_by_state
        waiting = self._found.frames.get(FrameState.RECEIVED.value, 0)
        yield _gauge("hsi_frames_waiting", "Frames that nobody has looked at yet", waiting)
        yield _gauge("hsi_events_open", "Events that are not over", self._found.open_events)
        yield _gauge("hsi_quarantined_files", "Files that are no frames", self._found.quarantined)


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, value=value)
