"""PyTorch, for a GPU: a checkpoint of transformers in bf16, compiled where that is faster.

Without CUDA it runs on the processor, in 32 bits, slower than the other runtimes. A GPU that has no
bf16 (before Ampere) reckons in 32 bits too.
"""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from backend.services.detection.checkpoint import read_checkpoint
from backend.services.detection.coco import NAMES_KEY
from backend.services.detection.family import Feed, Tensor
from backend.services.detection.runtimes.network import Engine, NetworkError
from backend.services.detection.runtimes.speed import speedup

_INPUT = "pixel_values"


class TorchNetwork:
    """A checkpoint's folder, on a GPU if there is one; any number of pictures in one run.

    Raises `Invalid` for a folder that is none, `NetworkError` for one that cannot be run.
    """

    def __init__(self, folder: Path, *, threads: int) -> None:
        checkpoint = read_checkpoint(str(folder), only_here=True)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        is_gpu = self._device.type == "cuda"
        # The units that multiply matrices on a GPU take a pixel's channels side by side.
        self._layout = torch.channels_last if is_gpu else torch.contiguous_format
        # Not fp16, in which transformers' RT-DETRv2 gave one answer at every place, or none.
        self._is_half = is_gpu and torch.cuda.is_bf16_supported(including_emulation=False)
        precision = "bf16" if self._is_half else "f32"
        name = torch.cuda.get_device_name() if is_gpu else "cpu"
        self.engine = Engine("torch", torch.__version__, name, precision)
        torch.set_num_threads(threads)
        size = checkpoint.height, checkpoint.width
        labels = len(checkpoint.names)
        self.inputs: Sequence[Tensor] = [Tensor(_INPUT, "tensor(float)", (None, 3, *size))]
        self.outputs: Sequence[Tensor] = [
            Tensor("logits", "tensor(float)", (None, None, labels)),
            Tensor("pred_boxes", "tensor(float)", (None, None, 4)),
        ]
        self.metadata = {NAMES_KEY: json.dumps(checkpoint.names)}
        try:
            self._model = checkpoint.model.to(device=self._device, memory_format=self._layout)
            if is_gpu:
                self._model = self._faster_one(torch.compile(self._model, dynamic=True), size)
        except RuntimeError as error:
            raise NetworkError.of(error) from error

    def run(self, feed: Feed) -> list[NDArray[Any]]:
        """Logits and boxes in 32 bits. Raises `NetworkError`."""
        try:
            answer = self._answer(self._model, torch.from_numpy(feed[_INPUT]))
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise NetworkError.of(error) from error
        return [one.float().cpu().numpy() for one in answer]

    def _answer(self, model: torch.nn.Module, planes: torch.Tensor) -> tuple[torch.Tensor, ...]:
        with (
            torch.inference_mode(),
            torch.autocast(self._device.type, torch.bfloat16, enabled=self._is_half),
        ):
            outputs = model(planes.to(self._device).to(memory_format=self._layout))
        return outputs.logits, outputs.pred_boxes

    def _faster_one(self, compiled: torch.nn.Module, size: tuple[int, int]) -> torch.nn.Module:
        """What is compiled, if it runs at all (it needs a compiler there), and is faster."""
        several = torch.from_numpy(np.zeros((2, 3, *size), np.float32))

        def run(model: torch.nn.Module) -> None:
            self._answer(model, several[:1])[0].cpu()  # which waits until the GPU has ended

        try:
            # Both numbers of pictures are compiled for now, and not under the first requests.
            self._answer(compiled, several)
            run(compiled)
        except RuntimeError:
            return self._model
        run(self._model)
        ratio = speedup(partial(run, self._model), partial(run, compiled))
        return compiled if ratio > 1 else self._model
