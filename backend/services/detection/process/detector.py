"""A detector whose model runs in a process of its own."""

import asyncio
from typing import Self

import structlog

from backend.core.errors import Invalid, Unavailable
from backend.services.detection.detector import Findings, View
from backend.services.detection.process.child import ModelFile, ModelProcess, NotTaken

_TRIES = 2

log = structlog.get_logger(__name__)


class ProcessDetector:
    """Hands each picture to its model's process, and starts another one when that has ended.

    A process that ends, or gives no answer for `patience` seconds, at a picture has failed at it,
    by an error that nobody expects. One that ended before it began with it costs nobody anything.
    """

    def __init__(self, model: ModelFile, process: ModelProcess, *, patience: float) -> None:
        self.name = process.introduction.name
        self.sight = process.introduction.sight
        self._model = model
        self._process: ModelProcess | None = process
        self.engine = process.introduction.engine
        self._doubt = process.introduction.doubt
        self._patience = patience
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, model: ModelFile, *, patience: float) -> Self:
        """The detector, its model loaded and checked. Raises as `ModelProcess.start`."""
        return cls(model, await ModelProcess.start(model), patience=patience)

    @property
    def doubt(self) -> str | None:
        """Why the model cannot be trusted, where it cannot."""
        return self._doubt

    async def detect(self, view: View, memory: bytes | None) -> Findings:  # noqa: ARG002
        """What the model sees.

        Raises `Unavailable` if the model fails to answer, or its process cannot be started;
        `RuntimeDied` if that ended or stood still at the picture.
        """
        async with self._turn:
            for _ in range(_TRIES):
                process = await self._sound_process()
                try:
                    return await process.look(view.pixels, patience=self._patience)
                except NotTaken:
                    log.warning("the model's process had ended", detector=self.name)
        raise Unavailable(
            f"the process of the model {self.name} ends before it is asked anything",
            code="detector.process",
        )

    async def aclose(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            await process.end()

    async def _sound_process(self) -> ModelProcess:
        """The process, or a new one where it has failed."""
        if self._process is not None and not self._process.is_sound:
            await self.aclose()
        if self._process is None:
            self._process = await self._started_again()
        return self._process

    async def _started_again(self) -> ModelProcess:
        try:
            process = await ModelProcess.start(self._model)
        except Invalid as error:  # it was a model once: nothing is wrong with the picture
            raise Unavailable(
                f"the model cannot be loaded again: {error}", code="detector.model"
            ) from error
        known = process.introduction
        if (known.name, known.sight) != (self.name, self.sight):
            await process.end()
            raise Unavailable(
                f"{self._model.path} was {self.name} and is {known.name} now: "
                "start the worker anew",
                code="detector.model",
            )
        self.engine, self._doubt = known.engine, known.doubt
        log.info("the model's process was started again", detector=self.name)
        return process
