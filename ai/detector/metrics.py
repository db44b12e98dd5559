"""What the service counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_PICTURES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The figures of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.answers = Counter(
            "ai_detector_answers", "Answers, by their status", ["status"], registry=self._registry
        )
        self.decoded = Counter(
            "ai_detector_decoded", "Pictures that were decoded", registry=self._registry
        )
        self._run_seconds = Histogram(
            "ai_detector_run_seconds",
            "Time of one run of the model",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._run_pictures = Histogram(
            "ai_detector_run_pictures",
            "Pictures in one run of the model",
            buckets=_PICTURES,
            registry=self._registry,
        )
        self.places = Gauge(
            "ai_detector_places_taken", "Pictures that are here now", registry=self._registry
        )

    def ran(self, pictures: int, seconds: float) -> None:
        """Count a run of the model."""
        self._run_pictures.observe(pictures)
        self._run_seconds.observe(seconds)

    def exposition(self) -> bytes:
        """All figures in Prometheus's text format."""
        return generate_latest(self._registry)
