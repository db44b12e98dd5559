"""Which runtime runs an ONNX file on this machine, where the owner leaves that open.

ONNX Runtime, unless OpenVINO is installed, answers alike, and is faster here. That is measured
once, and remembered in a file beside the model, for this model, processor, number of threads and
versions.
"""

import json
import platform
from collections.abc import Callable
from contextlib import suppress
from hashlib import file_digest, sha256
from importlib.metadata import version
from math import inf, isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.linalg import norm
from numpy.typing import NDArray

from backend.core.errors import Invalid
from backend.services.detection.model_detector import ModelDetector, load
from backend.services.detection.runtimes.network import refuse_missing
from backend.services.detection.runtimes.opening import DEFAULT, OPENVINO, is_installed
from backend.services.detection.runtimes.speed import speedup
from backend.services.detection.self_check import SURE, glow

AUTO = "auto"

NOTES = "runtimes.json"
"""The file, beside the model's, that remembers what was measured."""

WORTH_IT = 1.1
"""So many times as fast it must be: less is within what two measurements differ by."""

ROUNDING = {"f32": 0.001, "bf16": 0.05}
"""How far an answer may be off as a whole, by the precision that it was reckoned in, as a share.

bf16 keeps 8 significant bits: each of some hundred steps rounds by up to 0.2 %, in either
direction, which is about 2 % in the end. Seen were 0.3 % (RT-DETRv2-S) to 3.3 % (YOLOX-nano); over
32 pictures no confidence of YOLOX-nano moved by more than 0.06.
"""


def load_chosen(
    path: Path, *, threads: int, confidence: float, runtime: str = AUTO
) -> ModelDetector:
    """The detector in `path`, run by this runtime; `auto`: by the one that is faster here.

    To measure takes some seconds, once. Raises `Invalid` as `load` does.
    """

    def by(name: str) -> ModelDetector:
        return load(path, threads=threads, confidence=confidence, runtime=name)

    if runtime != AUTO:
        return by(runtime)
    refuse_missing(path)
    if not is_installed(OPENVINO):
        return by(DEFAULT)
    notes, case = Notes(path.with_name(NOTES)), case_of(path, threads)
    if known := notes.recall(case):
        return by(known)
    chosen = _measured(by)
    notes.remember(case, chosen.engine.runtime)
    return chosen


def _measured(by: Callable[[str], ModelDetector]) -> ModelDetector:
    usual = by(DEFAULT)
    try:
        other = by(OPENVINO)
    except Invalid:  # it does not know all that ONNX Runtime knows
        return usual
    is_better = agree(usual, other) and _speedup(usual, other) >= WORTH_IT
    chosen, left = (other, usual) if is_better else (usual, other)
    left.close()
    return chosen


def agree(usual: ModelDetector, other: ModelDetector) -> bool:
    """Whether both answer alike to a drawn picture, but for rounding.

    What an answer says of one place is compared in the order of its size: which of two places comes
    first that are nearly alike is chance, and decides nothing.
    """
    pixels = glow(usual.sight)
    within = ROUNDING[other.engine.precision]
    pairs = zip(usual.answer(pixels), other.answer(pixels), strict=True)
    return usual.doubt == other.doubt and all(_error(*pair) <= within for pair in pairs)


def _error(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """How far apart they are, as a share of the whole; what is no number is infinitely far."""
    if ours.shape != theirs.shape:
        return inf
    one, other = (np.sort(rows.astype(np.float64), axis=1) for rows in (ours, theirs))
    apart, whole = norm(one - other), norm(one)
    return float(apart / (whole or 1.0)) if isfinite(apart) else inf


def _speedup(usual: ModelDetector, other: ModelDetector) -> float:
    """Both are warm: each was shown pictures at its load."""
    asked = [(glow(usual.sight), SURE)]
    return speedup(lambda: usual.look(asked), lambda: other.look(asked))


class Notes:
    """What was measured before. A file that cannot be read or written is as good as none."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def recall(self, case: str) -> str | None:
        """The runtime that was the better one in this case."""
        name = self._read().get(case)
        return name if name in {DEFAULT, OPENVINO} else None

    def remember(self, case: str, runtime: str) -> None:
        """Keep it for the next start."""
        text = json.dumps({**self._read(), case: runtime}, indent=2)
        with suppress(OSError):  # then it is measured again
            part = self._file.with_name(f".{self._file.name}.part")
            part.write_text(text, encoding="utf-8")
            part.replace(self._file)

    def _read(self) -> dict[str, str]:
        try:
            said = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return (
            {k: v for k, v in said.items() if isinstance(v, str)} if isinstance(said, dict) else {}
        )


def case_of(path: Path, threads: int) -> str:
    """What a measurement holds for, in one line."""
    with path.open("rb") as file:
        model = file_digest(file, "sha256").hexdigest()
    versions = (f"{name} {version(name)}" for name in (DEFAULT, OPENVINO))
    return ", ".join((model, f"processor {_processor()}", f"{threads} threads", *versions))


_OF_THE_PROCESSOR = {"model name", "flags", "CPU implementer", "CPU part", "Features"}


def _processor() -> str:
    """The same for processors that are alike, and can do the same."""
    about = [platform.machine()]
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        about += sorted({one for one in lines if one.partition("\t")[0] in _OF_THE_PROCESSOR})
    return sha256("\n".join(about).encode()).hexdigest()[:16]
