"""The process of a model: `python -m backend.services.detection.process`, as `child.py` starts it.

It imports what looking at a picture needs, and nothing of databases or servers.
"""

import argparse
import signal
import socket
from dataclasses import dataclass
from io import BufferedRWPair
from pathlib import Path

import cv2

from backend.core.errors import HsiError
from backend.core.parent import end_with
from backend.services.detection.choice import load_chosen
from backend.services.detection.detector import Findings
from backend.services.detection.model_detector import ModelDetector
from backend.services.detection.process.handover import (
    TAKEN,
    Asked,
    Failure,
    Introduction,
    SharedPixels,
    line_of,
    read_line,
)


@dataclass(frozen=True, slots=True)
class Model:
    """What looks at the pictures that are handed over, and how sure it has to be."""

    detector: ModelDetector
    pixels: SharedPixels
    confidence: float

    def answer(self, question: bytes) -> Findings | Failure:
        """What it sees in the picture that lies there."""
        asked = read_line(question)
        assert isinstance(asked, Asked)  # noqa: S101 - nothing else is ever asked
        try:
            (found,) = self.detector.look([(self.pixels.get(asked), self.confidence)])
        except HsiError as error:
            return Failure.of(error)
        return found


def serve(
    line: BufferedRWPair,
    pixels: SharedPixels,
    path: Path,
    *,
    threads: int,
    confidence: float,
    runtime: str,
) -> None:
    """Load the model, and answer until nobody can ask any more."""
    try:
        detector = load_chosen(path, threads=threads, confidence=confidence, runtime=runtime)
    except HsiError as error:
        _say(line, line_of(Failure.of(error)))
        return
    model = Model(detector, pixels, confidence)
    known = Introduction(detector.name, detector.sight, str(detector.engine), detector.doubt)
    _say(line, line_of(known))
    for question in line:
        _say(line, TAKEN)
        _say(line, line_of(model.answer(question)))
    detector.close()


def main() -> None:
    """Do what the worker wants, and end with it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--line", type=int, required=True)
    parser.add_argument("--pixels", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--confidence", type=float, required=True)
    parser.add_argument("--runtime", required=True)
    parser.add_argument("model", type=Path)
    asked = parser.parse_args()
    end_with(asked.parent, signal.SIGKILL)
    # Who ends all processes of a service at once leaves the worker its last picture.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # OpenCV's own threads would compete with those of the model for the same cores.
    cv2.setNumThreads(1)
    with socket.socket(fileno=asked.line) as end, end.makefile("rwb") as line:
        serve(
            line,
            SharedPixels(asked.pixels),
            asked.model,
            threads=asked.threads,
            confidence=asked.confidence,
            runtime=asked.runtime,
        )


def _say(line: BufferedRWPair, said: bytes) -> None:
    line.write(said)
    line.flush()


if __name__ == "__main__":
    main()
