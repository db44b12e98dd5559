"""From weights, as transformers keeps them, to an ONNX file.

Needs the extra `export`: nothing here is imported where the product runs.
"""

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from backend.core.errors import Invalid
from backend.services.detection.checkpoint import read_checkpoint
from backend.services.detection.coco import NAMES_KEY

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

_INPUTS, _OUTPUTS = ["pixel_values"], ["logits", "pred_boxes"]


def export(weights: str, file: Path) -> None:
    """Write the ONNX file of a checkpoint: a folder, or the name of a repository of the hub.

    It takes any number of pictures, and knows what its classes are called; RT-DETRv2 is made lean
    first. Raises as `read_checkpoint` does.
    """
    checkpoint = read_checkpoint(weights)
    try:
        import onnx
        import torch
    except ImportError as error:
        raise Invalid(
            f"{error.name} is not installed, which writes ONNX files: `pip install onnx`, or the"
            " extra `export`",
            code="torch.missing",
        ) from error
    from backend.services.detection.models.lean import make_lean

    with torch.no_grad(), warnings.catch_warnings():
        # The tracer's, of what it fixes: in these models that is fixed anyway.
        warnings.simplefilter("ignore")
        make_lean(checkpoint.model)
        torch.onnx.export(
            _as_answers(checkpoint.model).eval(),
            (torch.zeros(1, 3, checkpoint.height, checkpoint.width),),
            str(file),
            dynamo=False,  # the newer way fails at these models, or fixes the number of pictures
            opset_version=16,
            input_names=_INPUTS,
            output_names=_OUTPUTS,
            dynamic_axes={name: {0: "batch"} for name in (*_INPUTS, *_OUTPUTS)},
        )
    made = onnx.load(file)
    onnx.helper.set_model_props(made, {NAMES_KEY: json.dumps(checkpoint.names)})
    onnx.save(made, file)


def _as_answers(model: "Module") -> "Module":
    """The model, giving nothing but what is read of it."""
    import torch

    class Answers(torch.nn.Module):  # type: ignore[misc] # torch is not there where types are checked
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, pixel_values: "Tensor") -> "tuple[Tensor, Tensor]":
            outputs = self.model(pixel_values)
            return outputs.logits, outputs.pred_boxes

    return Answers()
