"""A worker's word on how it is, kept in Redis for as long as it is true."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from backend.core.clock import Clock
from backend.core.redis import RedisClient
from backend.core.supervisor import Supervisor

_EVERY_SECONDS = 5.0
_KEPT_SECONDS = 20
_NAME = "worker:"


class Heartbeat:
    """Says every 5 s which parts of a worker run, and what `details` adds.

    What was said goes away by itself after 20 s, so that a dead worker is missed.
    """

    def __init__(
        self,
        redis: RedisClient,
        clock: Clock,
        worker: str,
        supervisor: Supervisor,
        details: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._redis = redis
        self._clock = clock
        self._worker = worker
        self._supervisor = supervisor
        self._details = details
        self._since: datetime = clock.now()

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            await self.beat()
            await self._clock.sleep(_EVERY_SECONDS)

    async def beat(self) -> None:
        """Say it once."""
        word = {
            "worker": self._worker,
            "since": self._since,
            "said_at": self._clock.now(),
            "parts": {name: asdict(state) for name, state in self._supervisor.states.items()},
            **self._details(),
        }
        text = orjson.dumps(word).decode()
        await self._redis.keep(f"{_NAME}{self._worker}", text, seconds=_KEPT_SECONDS)


class PartWord(BaseModel):
    """How one part of a worker is."""

    running: bool
    since: datetime | None = None
    reason: str | None = None
    code: str | None = None


class BreakerWord(BaseModel):
    """How one of its breakers is."""

    state: str
    since: datetime | None = None
    reason: str | None = None
    code: str | None = None


class SlowWord(BaseModel):
    """How slow the detector or a disk is that it uses; `answered`: not at all, up to now."""

    seconds: float
    since: datetime
    answered: bool = True


class EnricherWord(BaseModel):
    """How one of its enrichers is: how often it was asked, and failed, since the start."""

    name: str
    about: str = ""
    state: str
    asked: int = 0
    failed: int = 0
    reason: str | None = None


class AwaitedWord(BaseModel):
    """How far, in bytes, a model is that is fetched; and why it was not to be had."""

    model: str
    done: int = 0
    size: int | None = None
    reason: str | None = None


class Word(BaseModel):
    """What a worker has said, as far as this version understands it.

    A worker of another version may say more or less; of one whose word is not `understood`, only
    the name is known.
    """

    worker: str
    understood: bool = True
    since: datetime | None = None
    parts: dict[str, PartWord] = {}
    breakers: dict[str, BreakerWord] = {}
    slow: dict[str, SlowWord] = {}
    enrichers: list[EnricherWord] = []
    detector: str | None = None
    engine: str | None = None
    """What runs its detector's model, where it runs one itself."""
    doubt: str | None = None
    """Why its detector cannot be trusted."""
    refused_model: str | None = None
    """Why the model that was chosen is not at work."""
    awaited_model: AwaitedWord | None = None
    media_root: str | None = None
    watched_folders: int = 0
    polled_folders: list[str] = []
    unseen_folders: dict[str, str] = {}
    late_files: list[str] = []


async def heard(redis: RedisClient) -> list[Word]:
    """What the workers have said lately, by name."""
    words = await redis.kept(_NAME)
    return [_understood(name.removeprefix(_NAME), words[name]) for name in sorted(words)]


def _understood(worker: str, text: str) -> Word:
    try:
        return Word.model_validate_json(text)
    except ValidationError:
        return Word(worker=worker, understood=False)
