"""What we count. With PROMETHEUS_MULTIPROC_DIR set, all processes count into one place."""

import os

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

FRAMES_FINISHED = Counter("hsi_frames_finished", "Frames that reached a final state", ["state"])
FILES_QUARANTINED = Counter("hsi_files_quarantined", "Files that are no frames", ["code"])
FRAMES_SKIPPED = Counter(
    "hsi_frames_skipped",
    "Frames that nobody looks at: their camera sent more than can be looked at",
    ["camera"],
)
DETECTIONS_DROPPED = Counter(
    "hsi_detections_dropped",
    "Found, and not kept: no box, or a class that does not matter",
    ["reason"],
)
DETECT_SECONDS = Histogram(
    "hsi_detect_seconds",
    "Time that the detector took for one picture",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
LEASES_LOST = Counter("hsi_leases_lost", "Batches whose results were dropped: the lease was lost")
BREAKER_OPENED = Counter(
    "hsi_breaker_opened", "How often something that is needed turned out not to answer", ["breaker"]
)


def exposition() -> bytes:
    """All figures in Prometheus's text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
