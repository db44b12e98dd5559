"""What a detector needs of whatever runs its model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from backend.core.errors import Invalid
from backend.core.paths import is_file
from backend.services.detection.family import Feed, Tensor


@dataclass(frozen=True, slots=True)
class Engine:
    """What is at work: a library of this version, on a device, reckoning in this precision."""

    runtime: str
    version: str
    device: str
    precision: str

    def __str__(self) -> str:
        """For example `onnxruntime 1.32.0 on cpu in f32`."""
        return f"{self.runtime} {self.version} on {self.device} in {self.precision}"


class Network(Protocol):
    """A model that was opened. Not for two threads at a time."""

    @property
    def engine(self) -> Engine:
        """What runs it."""

    @property
    def inputs(self) -> Sequence[Tensor]:
        """What it takes; the kinds are called as ONNX calls them, such as `tensor(float)`."""

    @property
    def outputs(self) -> Sequence[Tensor]:
        """What it gives."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """What its maker wrote into it."""

    def run(self, feed: Feed) -> list[NDArray[Any]]:
        """Its outputs, in their order. Raises `NetworkError` where it fails."""


class NetworkError(Exception):
    """A model could not be opened, or failed at its inputs; the message is one line."""

    @classmethod
    def of(cls, error: Exception) -> "NetworkError":
        """What a runtime raised, without the rest of its story."""
        return cls(str(error).splitlines()[0] if str(error) else type(error).__name__)


def takes_batches(network: Network) -> bool:
    """Whether the number of pictures is left open, at every input and output."""
    ends = [*network.inputs, *network.outputs]
    return all(end.shape and end.shape[0] is None for end in ends)


def refuse_missing(path: Path) -> None:
    """Raise `Invalid` (`model.missing`) where there is no such file, or it cannot be looked at."""
    if not is_file(path):
        raise Invalid(f"there is no model file {path}", code="model.missing")
