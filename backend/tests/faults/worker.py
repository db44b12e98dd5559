"""A real worker for the fault bench: `python -m backend.tests.faults.worker --name A`.

Two things are put in place of the product's own: a detector that finds a person in every picture,
as long as it is in good temper, and, with `--end-at POINT` or `--stop-at POINT`, the end of the
process at a named point, as if its power were cut, or its standing still. The points are functions
of the product, wrapped here: in production there is nothing to switch off. With `--own-model` the
detector is the product's, and only the program of its model's process is another one, of
`fixtures/moody_model.py`.
"""

from backend.core import garbage

garbage.pause()

import argparse
import asyncio
import functools
import inspect
import math
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from backend import wiring, worker
from backend.core.clock import SystemClock
from backend.core.content_store import ContentStore
from backend.core.errors import Unavailable
from backend.core.queue import StreamBells
from backend.domain.boxes import Box, Detection
from backend.services.detection import claims
from backend.services.detection.claims import Claims
from backend.services.detection.detector import Findings, View
from backend.services.detection.examiner import Examiner
from backend.services.detection.process import child
from backend.services.detection.stage import Results
from backend.services.events.closer import EventCloser
from backend.services.stores import cameras, detections, frames, outbox
from backend.services.upkeep.reconciler import Reconciler
from backend.tests.fixtures import moody_model
from backend.tests.fixtures.detectors import person_walking

NONSENSE = Findings((Detection("person", math.nan, Box(-4.0, 0.2, math.inf, math.nan)),))

_SLOW_SECONDS = 0.1
"""A picture's usual 10 ms, ten times."""
_LOOK_SECONDS = 0.05


class BenchDetector:
    """Finds a person who walks in every picture, without looking.

    The file `temper` says how: `slow`; `failing`, by an error that nobody
    expects; `away`, as a server that cannot be reached; `silent`, without an answer until the file
    says otherwise; `nonsense`, with numbers that are none.
    """

    name = "one person"
    doubt: str | None = None
    sight = 64

    def __init__(self, temper: Path) -> None:
        self._temper = temper

    async def detect(self, view: View, memory: bytes | None) -> Findings:
        """The person."""
        match self._word():
            case "slow":
                await asyncio.sleep(_SLOW_SECONDS)
            case "failing":
                raise RuntimeError("the model fell over")
            case "away":
                raise Unavailable("no detector: nobody answers", code="detector.unavailable")
            case "silent":
                while self._word() == "silent":
                    await asyncio.sleep(_LOOK_SECONDS)
            case "nonsense":
                return NONSENSE
        return person_walking(view.captured_at)

    def _word(self) -> str:
        try:
            return self._temper.read_text()
        except FileNotFoundError:
            return ""

    async def aclose(self) -> None:
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
    "lease given back, not committed": Point(cameras, "end_lease"),
    "results committed": Point(Results, "store"),
    "bell not acknowledged": Point(StreamBells, "done", after=False),
    "messages numbered, not committed": Point(outbox, "number_new"),
    "open events looked at": Point(EventCloser, "close_quiet"),
    "what waits rung for": Point(Reconciler, "reconcile"),
}


def halt_at(point: Point, times: int, number: signal.Signals) -> None:
    """Send this process a signal the `times`-th time the point is reached with something to do."""
    real: Callable[..., Any] = getattr(point.owner, point.name)
    calls = count(1)

    def reached() -> None:
        if next(calls) == times:
            os.kill(os.getpid(), number)

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


def take_leases_for(seconds: float) -> None:
    """Let the leases of this process be shorter, or longer, than the product's."""
    if not hasattr(claims, "_LEASE") or not hasattr(claims, "_RENEW_SECONDS"):
        raise SystemExit("the length of a lease is elsewhere by now")
    setattr(claims, "_LEASE", timedelta(seconds=seconds))  # noqa: B010
    setattr(claims, "_RENEW_SECONDS", seconds / 3)  # noqa: B010


def be_ahead_by(seconds: float) -> None:
    """Have another wall clock than the machine: all time comes from `Clock`."""
    real = SystemClock.now
    setattr(SystemClock, "now", lambda clock: real(clock) + timedelta(seconds=seconds))  # noqa: B010


def be_patient_for(seconds: float) -> None:
    """Wait for a disk no longer than that."""
    for name in wiring._PATIENCE:
        wiring._PATIENCE[name] = seconds


async def bench_detector(*_: object, **__: object) -> BenchDetector:
    """What is opened instead of a model."""
    return BenchDetector(Path(os.environ["HSI_DATA"]) / "temper")


def main() -> None:
    """Be a worker, until the point."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--ready", type=Path)
    parser.add_argument("--end-at", choices=POINTS)
    parser.add_argument("--stop-at", choices=POINTS)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--lease", type=float)
    parser.add_argument("--patience", type=float)
    parser.add_argument("--ahead", type=float)
    parser.add_argument("--own-model", action="store_true")
    asked = parser.parse_args()
    if asked.end_at is not None:
        halt_at(POINTS[asked.end_at], asked.times, signal.SIGKILL)
    if asked.stop_at is not None:
        halt_at(POINTS[asked.stop_at], asked.times, signal.SIGSTOP)
    if asked.lease is not None:
        take_leases_for(asked.lease)
    if asked.patience is not None:
        be_patient_for(asked.patience)
    if asked.ahead is not None:
        be_ahead_by(asked.ahead)
    if asked.own_model:
        setattr(child, "PROGRAM", moody_model.PROGRAM)  # noqa: B010
    else:
        setattr(wiring, "open_detector", bench_detector)  # noqa: B010
    worker.main(asked.name, asked.ready)


if __name__ == "__main__":
    main()
