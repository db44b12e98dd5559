"""Another model is taken up while the worker runs, between two claims."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from backend.core.clock import Clock
from backend.core.disk_threads import InThread
from backend.core.errors import Invalid, Unavailable
from backend.services.detection.detector import Findings, OpenDetector, View
from backend.services.detection.models.folder import NO_MODEL, Chosen, ModelFolder

LOOK_EVERY_SECONDS = 2.0
TRY_AGAIN_SECONDS = 60.0
"""After a model could not be taken up; at once when another choice is made."""

Open = Callable[[Path | None], Awaitable[OpenDetector]]

log = structlog.get_logger(__name__)


class DetectorInUse:
    """The detector that is at work at present; its name changes with it, and only between claims.

    `chosen` is the model by whose choice it is there; `refused` says why another one, which was
    chosen later, is not.
    """

    def __init__(self, detector: OpenDetector, chosen: Chosen) -> None:
        self.present = detector
        self.chosen = chosen
        self.refused: str | None = None

    @property
    def name(self) -> str:
        """That of the present one."""
        return self.present.name

    @property
    def sight(self) -> int:
        """That of the present one."""
        return self.present.sight

    async def detect(self, view: View, memory: bytes | None) -> Findings:
        """What the present one finds."""
        return await self.present.detect(view, memory)


class ModelSwitch:
    """Sees which model is chosen, and has it take the place of the one that works.

    It is loaded and checked while that one goes on; if it cannot be, that one stays. `turn` is held
    while a claim is worked off.
    """

    def __init__(
        self,
        folder: ModelFolder,
        in_use: DetectorInUse,
        open_: Open,
        turn: asyncio.Lock,
        clock: Clock,
        in_thread: InThread = asyncio.to_thread,
    ) -> None:
        self._folder = folder
        self._in_use = in_use
        self._open = open_
        self._turn = turn
        self._clock = clock
        self._in_thread = in_thread
        self._seen: object = object()
        self._again_at = float("inf")

    async def run(self) -> None:
        """Look every few seconds, until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(LOOK_EVERY_SECONDS)

    async def look(self) -> None:
        """Take up the model that is chosen, if it is another one than before."""
        mark = await self._in_thread(self._folder.mark)
        if mark == self._seen and self._clock.monotonic() < self._again_at:
            return
        self._seen, self._again_at = mark, float("inf")
        try:
            chosen = await self._in_thread(self._folder.chosen)
            if chosen != self._in_use.chosen:
                await self._take_up(chosen)
        except (Invalid, Unavailable) as error:
            self._in_use.refused = str(error)
            self._again_at = self._clock.monotonic() + TRY_AGAIN_SECONDS
            log.warning("the model that was chosen cannot be used", reason=str(error))
        else:
            self._in_use.refused = None

    async def _take_up(self, chosen: Chosen) -> None:
        name = chosen.file.stem if chosen.file else NO_MODEL
        log.info("another model was chosen", model=name, detector=self._in_use.name)
        leaving = fresh = await self._open(chosen.file)
        try:
            async with self._turn:
                leaving, self._in_use.present = self._in_use.present, fresh
                self._in_use.chosen = chosen
        finally:
            await leaving.aclose()
        log.info("another model is at work", detector=self._in_use.name)
