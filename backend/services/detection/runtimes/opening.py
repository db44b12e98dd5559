"""By its name, what is to run a model."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from backend.core.errors import Invalid
from backend.services.detection.runtimes.network import Network

DEFAULT, OPENVINO, TORCH = "onnxruntime", "openvino", "torch"


def is_installed(runtime: str) -> bool:
    """Whether its library is there; it is not loaded."""
    return find_spec(runtime) is not None


def open_network(path: Path, *, threads: int, runtime: str) -> Network:
    """The model at `path`, opened by a runtime: `onnxruntime`, `openvino` or `torch`.

    Raises `Invalid`: `model.missing`, and `runtime.missing` for one that is not installed, with
    what to install; `NetworkError` for what the runtime cannot run.
    """
    try:
        return _OPENERS[runtime](path, threads)
    except ImportError as error:
        raise Invalid(
            f"{runtime} is to run the model, and is not installed: {_INSTALL[runtime]}",
            code="runtime.missing",
        ) from error


_INSTALL: Mapping[str, str] = {
    DEFAULT: "`pip install onnxruntime`",
    OPENVINO: "`pip install openvino`, or the extra `openvino`",
    TORCH: "`pip install torch transformers`, as docs/guide/detector-service.md says",
}


def _by_onnxruntime(path: Path, threads: int) -> Network:
    from backend.services.detection.runtimes.onnxruntime import OnnxRuntimeNetwork

    return OnnxRuntimeNetwork(path, threads=threads)


def _by_openvino(path: Path, threads: int) -> Network:
    from backend.services.detection.runtimes.openvino import OpenVinoNetwork

    return OpenVinoNetwork(path, threads=threads)


def _by_torch(path: Path, threads: int) -> Network:
    from backend.services.detection.runtimes.torch import TorchNetwork

    return TorchNetwork(path, threads=threads)


_OPENERS: Mapping[str, Callable[[Path, int], Network]] = {
    DEFAULT: _by_onnxruntime,
    OPENVINO: _by_openvino,
    TORCH: _by_torch,
}
