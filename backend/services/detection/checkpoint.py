"""A checkpoint, as transformers keeps it: `config.json`, weights, and how pictures are prepared.

Needs torch and transformers, which are imported here and in what uses it alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.core.errors import Invalid, Unavailable
from backend.core.paths import is_file
from backend.services.detection.rtdetr import OPEN_SIZE

_CELL = 32  # pixels: the side of what the coarsest of the grids of these models divides by
_NO_SIZE = (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model of PyTorch that finds objects; its classes, in the order of their numbers; height
    and width of its input, in pixels."""

    model: Any
    names: list[str]
    height: int
    width: int


def read_checkpoint(weights: str, *, only_here: bool = False) -> Checkpoint:
    """What is in a folder; or, unless it is to be `only_here`, in a repository of the hub.

    Raises `Invalid` (`torch.missing`, with what to install; `model.missing`, `model.broken`), and
    `Unavailable` (`weights.away`) where the hub cannot be reached.
    """
    if only_here and not is_file(Path(weights, "config.json")):
        raise Invalid(f"there is no checkpoint {weights}: no config.json", code="model.missing")
    try:
        import torch  # noqa: F401 - transformers says less clearly that it is missing
        from safetensors import SafetensorError
        from transformers import AutoModelForObjectDetection
        from transformers.utils import cached_file
    except ImportError as error:
        raise Invalid(
            f"{error.name} is not installed, which reads weights: in an environment of its own,"
            " `pip install torch==2.13.0 transformers onnx`, or the extra `export`",
            code="torch.missing",
        ) from error
    try:
        found = AutoModelForObjectDetection.from_pretrained(weights, local_files_only=only_here)
        preparation = cached_file(
            weights,
            "preprocessor_config.json",
            local_files_only=only_here,
            _raise_exceptions_for_missing_entries=False,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise _unreadable(weights, error) from error
    names = names_of(weights, found.config.id2label)
    return Checkpoint(found.eval(), names, *input_size(Path(preparation) if preparation else None))


def names_of(weights: str, labels: Mapping[int, str]) -> list[str]:
    """The classes in the order of their numbers. Raises `Invalid` (`model.broken`) for a gap."""
    if sorted(labels) != list(range(len(labels))):
        raise Invalid(
            f"the weights {weights} cannot be read: `id2label` in config.json is to number its "
            f"{len(labels)} classes from 0 to {len(labels) - 1}",
            code="model.broken",
        )
    return [labels[number] for number in range(len(labels))]


def input_size(preparation: Path | None) -> tuple[int, int]:
    """Height and width, in pixels, that a file says pictures are brought to; or what is usual.

    Raises `Invalid` (`model.broken`).
    """
    if preparation is None:
        return OPEN_SIZE, OPEN_SIZE
    try:
        size = json.loads(preparation.read_text("utf-8")).get("size", {})
        height, width = (int(size.get(side, OPEN_SIZE)) for side in ("height", "width"))
    except _NO_SIZE as error:
        raise _no_size(preparation, str(error)) from error
    if min(height, width) < 1 or height % _CELL or width % _CELL:
        raise _no_size(preparation, f"{height} x {width}")
    return height, width


def _no_size(preparation: Path, why: str) -> Invalid:
    return Invalid(
        f"{preparation} cannot be read: `size` is to have `height` and `width`, each a multiple of "
        f"{_CELL} pixels ({why})",
        code="model.broken",
    )


def _unreadable(weights: str, error: Exception) -> Invalid | Unavailable:
    why = str(error).partition("\n")[0]
    if Path(weights).exists():
        return Invalid(f"the weights {weights} cannot be read: {why}", code="model.broken")
    return Unavailable(
        f"{weights} is no folder here, and cannot be fetched: {why}", code="weights.away"
    )
