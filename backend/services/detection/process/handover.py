"""What a worker and its model's process hand each other: pixels in shared memory, and lines.

The worker asks with `Asked`; the process first says who it is, or why there is no model
(`Introduction`, `Failure`), and then to each picture `TAKEN`, at once, and what came of it
(`Findings`, `Failure`). A line is a JSON object; numbers come out as they went in.
"""

import mmap
import os
import threading
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import orjson

from backend.core.errors import HsiError, Invalid, Unavailable
from backend.domain.boxes import Box, Detection
from backend.services.detection.detector import Findings, Pixels

_KEPT_BYTES = 32 << 20
"""So much of the memory stays when a larger picture has gone; what was never used takes none."""

TAKEN = b"{}\n"


@dataclass(frozen=True, slots=True)
class Introduction:
    """What the model is: a `Detector`'s name and sight, what runs it, why it cannot be trusted."""

    name: str
    sight: int
    engine: str
    doubt: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """The size of the picture that lies in the shared memory."""

    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Failure:
    """An expected error, of the kind `Invalid` or `Unavailable`."""

    is_invalid: bool
    code: str
    message: str

    @classmethod
    def of(cls, error: HsiError) -> Self:
        """What another process is told of an error."""
        return cls(isinstance(error, Invalid), error.code, str(error))

    def as_error(self) -> Invalid | Unavailable:
        """The error again."""
        kind = Invalid if self.is_invalid else Unavailable
        return kind(self.message, code=self.code)


class SharedPixels:
    """Memory for one picture, which two processes see and no name leads to: it goes with them."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._size = 0
        self._memory: mmap.mmap | None = None
        self._is_open = True
        self._at_it = threading.Lock()

    @classmethod
    def make(cls) -> Self:
        """New memory, for the process that puts pictures there. Raises OSError."""
        return cls(os.memfd_create("picture"))

    def put(self, pixels: Pixels) -> None:
        """Copy a picture there; nothing, where it has been closed meanwhile."""
        with self._at_it:
            if not self._is_open:
                return
            size = _size_for(pixels.nbytes)
            if size != self._size:
                os.ftruncate(self.descriptor, size)
            memory = self._mapped(size, mmap.PROT_READ | mmap.PROT_WRITE)
            there = np.frombuffer(memory, np.uint8, pixels.size)
            np.copyto(there.reshape(pixels.shape), pixels)

    def get(self, asked: Asked) -> Pixels:
        """The picture that lies there; it cannot be written to."""
        shape = asked.height, asked.width, 3
        number = asked.height * asked.width * 3
        memory = self._mapped(_size_for(number), mmap.PROT_READ)
        return np.frombuffer(memory, np.uint8, number).reshape(shape)

    def close(self) -> None:
        """Have nothing to do with it any more."""
        with self._at_it:
            self._is_open, self._memory = False, None
            os.close(self.descriptor)

    def _mapped(self, size: int, access: int) -> mmap.mmap:
        if self._memory is None or size != self._size:
            self._memory = mmap.mmap(self.descriptor, size, mmap.MAP_SHARED, access)
            self._size = size
        return self._memory


def line_of(said: Introduction | Asked | Failure | Findings) -> bytes:
    """A message, as it is sent."""
    kind = type(said).__name__
    return orjson.dumps({kind: said}, option=orjson.OPT_APPEND_NEWLINE)


def read_line(line: bytes) -> Introduction | Asked | Failure | Findings | None:
    """A message that was sent; None for `TAKEN`."""
    said: dict[str, dict[str, Any]] = orjson.loads(line)
    if not said:
        return None
    ((kind, values),) = said.items()
    return _findings(values) if kind == Findings.__name__ else _SIMPLE[kind](**values)


_SIMPLE: dict[str, type[Introduction | Asked | Failure]] = {
    one.__name__: one for one in (Introduction, Asked, Failure)
}


def _findings(values: dict[str, Any]) -> Findings:
    found = tuple(
        Detection(
            one["class_name"],
            one["confidence"],
            Box(**one["box"]),
            tuple((name, confidence) for name, confidence in one["alternatives"]),
        )
        for one in values["detections"]
    )
    return Findings(found, values["dropped"], values["remark"])


def _size_for(number: int) -> int:
    return max(number, _KEPT_BYTES)
