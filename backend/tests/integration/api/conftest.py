"""An application over a ledger in which something has happened."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from backend.core.database import get_database
from backend.core.redis import RedisClient
from backend.domain.boxes import Detection
from backend.services.detection.detector import Findings
from backend.services.events.closer import EventCloser
from backend.services.live.relay import OutboxRelay
from backend.services.stores.rows import Record
from backend.tests.fixtures.application import ApplicationClient
from backend.tests.fixtures.detectors import found
from backend.tests.fixtures.ledger import NOON, Ledger
from backend.tests.fixtures.product import product  # noqa: F401 - a fixture
from backend.tests.fixtures.stages import Works, live


@pytest.fixture
def ledger(client: ApplicationClient) -> Ledger:
    """The ledger that the application uses, and its folder for pictures."""
    return Ledger(get_database(), Path(os.environ["HSI_DATA"]))


@dataclass
class House:
    """What happens at a house: visitors come by, and it is told."""

    works: Works
    relay: OutboxRelay
    closer: EventCloser
    _hours: "count[int]" = field(default_factory=count)

    @property
    def ledger(self) -> Ledger:
        """All that is kept of it."""
        return self.works.ledger

    async def visit(
        self, camera: int, *classes: str, at: datetime | None = None, confidence: float = 0.9
    ) -> Record:
        """Something comes by, an hour after the last; its event."""
        at = at or NOON + timedelta(hours=next(self._hours))
        self.works.detector.script[at] = found(*classes, confidence=confidence)
        frame = await self.ledger.frame(camera, at)
        await self.works.stage().handle(live(camera))
        (event,) = await self.ledger.rows(
            "SELECT e.* FROM events e JOIN frames f ON f.event_id = e.id WHERE f.id = :id",
            id=frame,
        )
        await self.relay.relay()
        return event

    async def look(
        self, camera: int, at: datetime, *seen: Detection, picture: bytes | None = None
    ) -> int:
        """A frame in which this is found is looked at; its id."""
        self.works.detector.script[at] = Findings(seen)
        frame = await self.ledger.frame(camera, at, picture=picture)
        await self.works.stage().handle(live(camera))
        return frame

    async def quiet(self) -> None:
        """Nothing comes by for a while: what was open is closed."""
        self.works.clock.advance(31)
        await self.closer.close_quiet()
        await self.relay.relay()

    async def visits(self, camera: int, number: int) -> Sequence[Record]:
        """Persons come by, one at a time."""
        return [await self.visit(camera, "person") for _ in range(number)]


@pytest.fixture
def house(ledger: Ledger, real_redis: RedisClient) -> House:
    """A house where nothing has happened yet."""
    works = Works(ledger)
    relay = OutboxRelay(ledger.database, real_redis, works.clock)
    return House(works, relay, works.closer())
