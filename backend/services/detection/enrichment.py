"""What else can be said of a detection: as much as there is time for, and never in the way.

Enrichers are asked after tracking, for news alone. One that fails, or takes too long, gives nothing
for that detection; one that takes too long is not asked again for a while.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

import orjson
import structlog

from backend.core.breaker import Breaker
from backend.core.clock import Clock
from backend.core.errors import HsiError, Unavailable
from backend.domain.boxes import Detection
from backend.domain.tracks import Track
from backend.services.detection.detector import Pixels

SECONDS_A_FRAME = 0.5
"""All enrichers together, for all that a frame shows."""

MOST_BYTES = 2048
"""Of what one enricher says of one detection, as JSON."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Subject:
    """A detection, its track as it is with it, and the picture that shows it."""

    detection: Detection
    track: Track
    pixels: Pixels
    at: datetime


class Enricher(Protocol):
    """Says something of a detection.

    `name` is the source that its results are stored under; `about` says in a few words what it is.
    """

    name: str
    about: str

    async def enrich(self, subject: Subject) -> Mapping[str, Any] | None:
        """What there is to say, as JSON can hold it; None: nothing. Never blocks the event loop."""
        ...


@dataclass(slots=True)
class Tally:
    """How often an enricher was asked since the start, and how often it failed; why it last did."""

    asked: int = 0
    failed: int = 0
    reason: str | None = None


class Enrichment:
    """Asks all enrichers, each behind a breaker of its own."""

    def __init__(
        self, enrichers: Iterable[Enricher], clock: Clock, *, seconds: float = SECONDS_A_FRAME
    ) -> None:
        self._enrichers = [(one, Breaker(f"enricher {one.name}", clock)) for one in enrichers]
        self._tallies = {one.name: Tally() for one, _ in self._enrichers}
        self._seconds = seconds

    def states(self) -> list[dict[str, Any]]:
        """How the enrichers are, for those who tell people."""
        return [
            {"name": one.name, "about": one.about, "state": breaker.view.state.value}
            | asdict(self._tallies[one.name])
            for one, breaker in self._enrichers
        ]

    async def of(self, subjects: Sequence[Subject]) -> list[dict[str, Any]]:
        """For each subject what was said of it, by source. Raises nothing."""
        given: list[dict[str, Any]] = [{} for _ in subjects]
        if subjects:
            await asyncio.gather(
                *(self._ask(one, breaker, subjects, given) for one, breaker in self._enrichers)
            )
        return given

    async def _ask(
        self,
        enricher: Enricher,
        breaker: Breaker,
        subjects: Sequence[Subject],
        given: list[dict[str, Any]],
    ) -> None:
        try:
            with breaker.call():
                await self._in_time(enricher, subjects, given)
        except HsiError as error:
            self._tallies[enricher.name].reason = str(error)
        except Exception as error:
            tally = self._tallies[enricher.name]
            tally.failed += 1
            tally.reason = f"{type(error).__name__}: {error}"
            log.exception("an enricher failed", enricher=enricher.name)

    async def _in_time(
        self, enricher: Enricher, subjects: Sequence[Subject], given: list[dict[str, Any]]
    ) -> None:
        tally = self._tallies[enricher.name]
        try:
            async with asyncio.timeout(self._seconds):
                for subject, sources in zip(subjects, given, strict=True):
                    tally.asked += 1
                    said = await enricher.enrich(subject)
                    if said:
                        sources[enricher.name] = _storable(said)
        except TimeoutError:
            tally.failed += 1
            raise Unavailable(
                f"it took longer than {self._seconds:g} s", code="enricher.slow"
            ) from None


def _storable(said: Mapping[str, Any]) -> dict[str, Any]:
    """What was said, if the database can hold it: what it cannot would cost the frame.

    Raises `ValueError`.
    """
    try:
        text = orjson.dumps(dict(said))
    except (TypeError, ValueError) as error:
        raise ValueError(f"it gave what is no JSON: {error}") from error
    if len(text) > MOST_BYTES:
        raise ValueError(f"it gave {len(text)} bytes, of at most {MOST_BYTES}")
    if rb"\u0000" in text:
        raise ValueError("it gave a text with a NUL")
    storable: dict[str, Any] = orjson.loads(text)
    return storable
