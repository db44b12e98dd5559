"""By its name, what is to run a model."""

from collections.abc import Callable, Mapping
from pathlib import Path

from backend.services.detection.runtimes.network import Network

DEFAULT = "onnxruntime"


def open_network(path: Path, *, threads: int, runtime: str) -> Network:
    """The model at `path`, opened by a runtime of these names: `onnxruntime`.

    Raises `Invalid`: `model.missing`, and `runtime.missing` for one that is not installed, with
    what to install; `NetworkError` for what the runtime cannot run.
    """
    return _OPENERS[runtime](path, threads)


def _by_onnxruntime(path: Path, threads: int) -> Network:
    from backend.services.detection.runtimes.onnxruntime import OnnxRuntimeNetwork

    return OnnxRuntimeNetwork(path, threads=threads)


_OPENERS: Mapping[str, Callable[[Path, int], Network]] = {"onnxruntime": _by_onnxruntime}
