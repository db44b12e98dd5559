"""A real worker for the fault bench: `python -m backend.tests.faults.worker --name A`.

Two things are put in place of the product's own: a detector that finds a person in every picture,
and, with `--end-at POINT`, the end of the process at a named point, as if its power were cut. The
points are functions of the product, wrapped here: in production there is nothing to switch off.
"""

import argparse
import functools
import inspect
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from backend import wiring, worker
from backend.core.content_store import ContentStore
from backend.core.queue import StreamBells
from backend.domain.boxes import Box, Detection
from backend.services.detection.claims import Claims
from backend.services.detection.detector import Findings, View
from backend.services.detection.examiner import Examiner
from backend.services.detection.stage import Results
from backend.services.stores import cameras, detections, frames, outbox

PERSON = Findings((Detection("person", 0.9, Box(0.4, 0.2, 0.1, 0.5)),))


class OnePersonDetector:
    """Finds the same person in every picture, without looking."""

    name = "one person"
    sight = 64

    async def detect(self, view: View, memory: bytes | None) -> Findings:
        """The person."""
        return PERSON

    def close(self) -> None:
        """Nothing to do."""


@dataclass(frozen=True)
class Point:
    """A function, and whether the process ends before it begins, or when it has ended."""

    owner: Any
    name: str
    after: bool = True


POINTS = {
    "picture copied": Point(ContentStore, "put"),
    "frames written, not committed": Point(frames, "receive"),
    "frames committed, bell not rung": Point(StreamBells, "ring", after=False),
    "bell rung": Point(StreamBells, "ring"),
    "bell heard": Point(StreamBells, "hear"),
    "frames claimed": Point(Claims, "take"),
    "pictures looked at": Point(Examiner, "examine"),
    "detections written, not committed": Point(detections, "add"),
    "states written, not committed": Point(frames, "finish"),
    "lease given back, not committed": Point(cameras, "release_lease"),
    "results committed": Point(Results, "store"),
    "bell not acknowledged": Point(StreamBells, "done", after=False),
    "messages numbered, not committed": Point(outbox, "number_new"),
}


def end_at(point: Point, times: int) -> None:
    """Let this process end the `times`-th time that the point is reached with something to do."""
    real: Callable[..., Any] = getattr(point.owner, point.name)
    calls = count(1)

    def reached() -> None:
        if next(calls) >= times:
            os.kill(os.getpid(), signal.SIGKILL)

    @functools.wraps(real)
    async def later(*arguments: Any, **named: Any) -> Any:
        if not point.after:
            reached()
        answer = await real(*arguments, **named)
        if point.after and (answer is not None or _answers_nothing(real)):
            reached()
        return answer

    @functools.wraps(real)
    def at_once(*arguments: Any, **named: Any) -> Any:
        answer = real(*arguments, **named)
        reached()
        return answer

    setattr(point.owner, point.name, later if inspect.iscoroutinefunction(real) else at_once)


def _answers_nothing(function: Callable[..., Any]) -> bool:
    return inspect.signature(function).return_annotation in {None, "None"}


def main() -> None:
    """Be a worker, until the point."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--end-at", choices=POINTS)
    parser.add_argument("--times", type=int, default=1)
    asked = parser.parse_args()
    if asked.end_at is not None:
        end_at(POINTS[asked.end_at], asked.times)
    setattr(wiring, "open_detector", lambda *_, **__: OnePersonDetector())  # noqa: B010
    worker.main(asked.name)


if __name__ == "__main__":
    main()
