"""The models that are measured: those asked for, those that are here, or one made on the spot."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from backend.core.errors import NotFound
from backend.services.detection.models.export import export
from backend.services.detection.models.folder import ModelFolder
from backend.tests.benchmarks.bench.detector.random_weights import write_rtdetrv2_s
from backend.tests.benchmarks.bench.place import Bench

_TO_EXPORT = ("torch", "transformers", "onnx", "PIL")
INSTALL = (
    "`pip install torch==2.13.0 transformers onnx pillow` in an environment of its own, beside what"
    " requirements/runtime.lock names"
)
NONE_HERE = f"no model is here: `hsi models pull rtdetrv2-s`; or, for random weights, {INSTALL}"


@dataclass(frozen=True, slots=True)
class Subject:
    """A model's ONNX file, and where there is one the checkpoint with the same weights."""

    name: str
    file: Path
    checkpoint: Path | None = None


def models_of(asked: Sequence[str], folder: ModelFolder) -> tuple[Path, ...]:
    """The models of these names or paths; if none is asked for, all that the folder holds.

    Raises `NotFound` for what is neither, `Invalid` for a folder that cannot be read.
    """
    here = folder.read().models
    return tuple(_model_of(one, here, folder) for one in asked or here)


def _model_of(asked: str, here: Container[str], folder: ModelFolder) -> Path:
    if asked in here:
        return folder.file(asked)
    if (path := Path(asked).expanduser().absolute()).exists():
        return path
    raise NotFound(
        f"{asked} is neither a model that is here (`hsi models list`) nor a file",
        code="model.not_found",
    )


def has_torch() -> bool:
    """Whether checkpoints can be read, run and exported here."""
    return all(find_spec(library) is not None for library in _TO_EXPORT)


def subjects_of(bench: Bench) -> list[Subject]:
    """What is measured; nothing where no model is here, and none can be made."""
    if bench.models:
        return [_subject(path, bench) for path in bench.models]
    if not has_torch():
        return []
    bench.say("making RT-DETRv2-S with random weights")
    return [_subject(write_rtdetrv2_s(bench.folder / "rtdetrv2-s, random weights"), bench)]


def _subject(path: Path, bench: Bench) -> Subject:
    """A file as it is; a checkpoint's folder, exported as `hsi models export` does."""
    if path.is_file():
        return Subject(path.stem, path)
    file = bench.folder / f"{path.name}.onnx"
    if not file.exists():
        export(str(path), file)
    return Subject(path.name, file, path)
