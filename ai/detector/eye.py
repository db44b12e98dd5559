"""From the bytes of a picture to what is seen in it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ai.detector.batcher import Batcher
from ai.detector.store import read_below
from backend.core.errors import Invalid
from backend.services.detection.detector import Findings, Pixels
from backend.services.detection.picture import decode
from backend.services.ingest.structure import read_structure


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture may have at most."""

    bytes: int
    pixels: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen in a picture of this size, in pixels, upright; how long the run took."""

    findings: Findings
    width: int
    height: int
    milliseconds: float


class Eye:
    """Decodes in a few threads, while the model is at other pictures in its own."""

    def __init__(
        self,
        batcher: Batcher,
        limits: Limits,
        *,
        threads: int,
        store: Path | None = None,
        decoded: Callable[[], None] = lambda: None,
    ) -> None:
        self.limits = limits
        self._batcher = batcher
        self._store = store
        self._decoded = decoded
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="decode")

    async def see(self, picture: bytes | str, confidence: float) -> Seen:
        """What is seen in a picture, given as its bytes, or its path on the store.

        Raises `Invalid`, `NotFound`, `Unavailable`.
        """
        loop = asyncio.get_running_loop()
        pixels, size = await loop.run_in_executor(self._threads, self._open, picture)
        looked = await self._batcher.look(pixels, confidence)
        return Seen(looked.findings, *size, looked.milliseconds)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _open(self, picture: bytes | str) -> tuple[Pixels, tuple[int, int]]:
        data = picture if isinstance(picture, bytes) else self._read(picture)
        # Its size is known, and refused, before anything is decoded.
        structure = read_structure(data, max_pixels=self.limits.pixels)
        full_size = structure.width, structure.height
        pixels = decode(data, longest=self._batcher.model.sight, full_size=full_size)
        self._decoded()
        height, width = pixels.shape[:2]
        is_turned = (width > height) != (full_size[0] > full_size[1]) and width != height
        return pixels, full_size[::-1] if is_turned else full_size

    def _read(self, path: str) -> bytes:
        if self._store is None:
            raise Invalid("there is no shared store: send the picture", code="store.none")
        return read_below(self._store, path, most_bytes=self.limits.bytes)
