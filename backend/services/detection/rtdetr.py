"""RT-DETR and RT-DETRv2 (Zhao et al. 2023, arXiv:2304.08069; Lv et al. 2024, arXiv:2407.17140).

Input: float32 [N, 3, H, W], usually 640 x 640; red, green, blue, 0..1, the picture stretched over
all of it. A query is one place where the model looked; none is given twice, so that no duplicates
have to be found. What is exported comes in two forms:

- as transformers has it (D-FINE too): `logits` [N, queries, classes] and `pred_boxes`
  [N, queries, 4], centre and size in fractions of the picture;
- as the authors' own export has it: a second input `orig_target_sizes`, int64 [N, 2] (width and
  height that the answer is to be in); `labels` int64, `boxes` (corners) and `scores`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.services.detection.detector import Pixels
from backend.services.detection.family import Classes, Feed, Tensor
from backend.services.detection.postprocess import Candidate
from backend.services.detection.prepare import stretched

OPEN_SIZE = 640
"""The side of the input, in pixels, where the file leaves it open; the size of its training."""

_FLOAT, _INTEGER = "tensor(float)", "tensor(int64)"


@dataclass(frozen=True)
class RtDetr:
    """A model whose answer is logits and boxes, at these places among its outputs."""

    input_name: str
    width: int
    height: int
    classes: Classes
    logits_at: int
    boxes_at: int
    name: str = field(default="rtdetr", init=False)
    has_duplicates: bool = field(default=False, init=False)

    @property
    def sight(self) -> int:
        """The longer side of the input, in pixels."""
        return max(self.width, self.height)

    def feed(self, pixels: Pixels) -> Feed:
        """The picture, stretched."""
        return {self.input_name: stretched(pixels, self.width, self.height)}

    def candidates(
        self,
        answer: Sequence[NDArray[Any]],
        size: tuple[int, int],  # noqa: ARG002 - its answer is in fractions already
        confidence: float,
    ) -> list[Candidate]:
        """The surest pairs of query and class, as many as there are queries, as it was trained.

        Raises `ValueError` for an answer of another shape.
        """
        logits, boxes = answer[self.logits_at], answer[self.boxes_at]
        queries = logits.shape[1] if logits.ndim == 3 else 0
        if logits.shape != (1, queries, len(self.classes)) or boxes.shape != (1, queries, 4):
            wanted = f"(1, n, {len(self.classes)}) and (1, n, 4)"
            raise ValueError(f"expected {wanted}, got {logits.shape} and {boxes.shape}")
        with np.errstate(all="ignore"):  # what is no number is told later, by its reason
            scores = 1 / (1 + np.exp(-logits.reshape(-1).astype(np.float64)))
            centre, half = np.split(boxes[0].astype(np.float64), [2], axis=1)
            corners = np.concatenate([centre - half / 2, centre + half / 2], axis=1)
        chosen = _surest(scores, queries, confidence)
        query, label = np.divmod(chosen, len(self.classes))
        return [
            Candidate(self.classes[one], score, *box)
            for one, score, box in zip(
                label.tolist(), scores[chosen].tolist(), corners[query].tolist(), strict=True
            )
        ]


@dataclass(frozen=True)
class DecodedRtDetr:
    """A model whose answer is decoded already, at these places among its outputs."""

    input_name: str
    size_name: str
    width: int
    height: int
    classes: Classes
    labels_at: int
    boxes_at: int
    scores_at: int
    name: str = field(default="rtdetr", init=False)
    has_duplicates: bool = field(default=False, init=False)

    @property
    def sight(self) -> int:
        """The longer side of the input, in pixels."""
        return max(self.width, self.height)

    def feed(self, pixels: Pixels) -> Feed:
        """The picture, stretched; as if it were one pixel, so that the answer is in fractions."""
        planes = stretched(pixels, self.width, self.height)
        return {self.input_name: planes, self.size_name: np.ones((1, 2), np.int64)}

    def candidates(
        self,
        answer: Sequence[NDArray[Any]],
        size: tuple[int, int],  # noqa: ARG002
        confidence: float,
    ) -> list[Candidate]:
        """What it says. Raises `ValueError` for an answer of another shape, or unknown classes."""
        labels, boxes, scores = (
            answer[at] for at in (self.labels_at, self.boxes_at, self.scores_at)
        )
        if scores.ndim != 2 or boxes.shape != (*scores.shape, 4) or labels.shape != scores.shape:
            found = f"{labels.shape}, {boxes.shape} and {scores.shape}"
            raise ValueError(f"expected (1, n), (1, n, 4) and (1, n), got {found}")
        if len(scores) != 1:
            raise ValueError(f"expected the answer for 1 picture, got {len(scores)}")
        chosen = _surest(scores[0].astype(np.float64), scores.shape[1], confidence)
        found_labels = labels[0][chosen].astype(np.int64).tolist()
        if any(not 0 <= label < len(self.classes) for label in found_labels):
            raise ValueError(f"expected classes below {len(self.classes)}, got {found_labels}")
        return [
            Candidate(self.classes[label], float(score), *map(float, box))
            for label, score, box in zip(
                found_labels, scores[0][chosen], boxes[0][chosen], strict=True
            )
        ]


def _surest(scores: NDArray[np.float64], most: int, confidence: float) -> NDArray[np.intp]:
    """The places of the best scores; none of what is no number is left out for being too low."""
    # "not below", since a NaN is neither below nor above; NumPy sorts it as the greatest.
    chosen = np.flatnonzero(~(scores < confidence))
    if len(chosen) > most:
        chosen = chosen[np.argpartition(scores[chosen], -most)[-most:]]
    return chosen


def recognise(
    inputs: Sequence[Tensor], outputs: Sequence[Tensor], classes: Classes
) -> RtDetr | DecodedRtDetr | None:
    """The model, if its inputs and outputs have the shapes, and its outputs the names."""
    if not inputs or not _is_picture(inputs[0]):
        return None
    _, _, height, width = inputs[0].shape
    size = width or OPEN_SIZE, height or OPEN_SIZE
    at = {output.name: place for place, output in enumerate(outputs)}
    if len(inputs) == 1 and {"logits", "pred_boxes"} <= set(at):
        logits, boxes = outputs[at["logits"]], outputs[at["pred_boxes"]]
        if _fits(logits, (1, None, len(classes))) and _fits(boxes, (1, None, 4)):
            return RtDetr(inputs[0].name, *size, classes, at["logits"], at["pred_boxes"])
    if len(inputs) == 2 and _is_size(inputs[1]) and {"labels", "boxes", "scores"} <= set(at):
        places = at["labels"], at["boxes"], at["scores"]
        return DecodedRtDetr(inputs[0].name, inputs[1].name, *size, classes, *places)
    return None


def _is_picture(tensor: Tensor) -> bool:
    return tensor.kind == _FLOAT and _fits(tensor, (1, 3, None, None))


def _is_size(tensor: Tensor) -> bool:
    return tensor.kind == _INTEGER and _fits(tensor, (1, 2))


def _fits(tensor: Tensor, wanted: tuple[int | None, ...]) -> bool:
    """Whether the shape is, or may be, the wanted one; what the file leaves open fits."""
    return len(tensor.shape) == len(wanted) and all(
        None in {size, other} or size == other
        for size, other in zip(tensor.shape, wanted, strict=True)
    )
