"""A checkpoint by transformers' own pipeline, in PyTorch as it is: what its documentation shows."""

from io import BytesIO
from pathlib import Path
from typing import Any


class Pipeline:
    """Reads, prepares, runs and reads the answer by the library alone."""

    def __init__(self, checkpoint: Path, threads: int, *, confidence: float) -> None:
        import torch
        from transformers import AutoImageProcessor, AutoModelForObjectDetection, pipeline

        torch.set_num_threads(threads)
        self._confidence = confidence
        self._pipeline = pipeline(
            "object-detection",
            model=AutoModelForObjectDetection.from_pretrained(checkpoint).eval(),
            image_processor=AutoImageProcessor.from_pretrained(checkpoint),
            device="cpu",
        )

    def boxes(self, jpeg: bytes) -> list[dict[str, Any]]:
        """What is found: `label`, `score` and `box`."""
        from PIL import Image

        with Image.open(BytesIO(jpeg)) as picture:
            found: list[dict[str, Any]] = self._pipeline(
                picture.convert("RGB"), threshold=self._confidence
            )
        return found
