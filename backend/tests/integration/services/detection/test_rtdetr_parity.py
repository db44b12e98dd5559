"""RT-DETRv2 here and in transformers: the same picture goes in, and the same is read out.

Needs torch and transformers (the extra `export`). The checkpoint is made here, with random weights:
there every place of the picture is a query, since with fewer the choice among nearly equal ones
would be a lottery. Their order is chance still, and means nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.services.detection.choice import agree
from backend.services.detection.coco import COCO_CLASSES
from backend.services.detection.detector import Pixels
from backend.services.detection.model_detector import load
from backend.services.detection.models.export import export
from backend.services.detection.picture import decode
from backend.services.detection.postprocess import Candidate
from backend.services.detection.prepare import stretched
from backend.services.detection.rtdetr import RtDetr
from backend.tests.fixtures.checkpoints import SMALL, made
from backend.tests.fixtures.product import PROJECT

ARE_THERE = all(map(find_spec, ("torch", "transformers")))
torch: Any = import_module("torch") if ARE_THERE else None
given: Any = import_module("transformers") if ARE_THERE else None

pytestmark = [
    pytest.mark.skipif(not ARE_THERE, reason="needs the extra `export`"),
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # what they deprecate is not ours to mend
]

PICTURES = sorted((PROJECT / "backend/tests/fixtures/images/pipeline_test").glob("*.jpg"))
SIDE = 64
PLACES = sum((SIDE // stride) ** 2 for stride in (8, 16, 32))

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reference:
    """A checkpoint, its export, and how transformers prepares a picture for it."""

    model: Any
    file: Path
    processor: Any

    def outputs(self, pixels: Pixels) -> Any:
        """The answer by PyTorch to a picture prepared by the processor."""
        with torch.no_grad():
            return self.model(self.prepared(pixels))

    def prepared(self, pixels: Pixels) -> Any:
        red_first = np.ascontiguousarray(pixels[:, :, ::-1])
        return self.processor(images=red_first, return_tensors="pt")["pixel_values"]

    def found(self, outputs: Any, confidence: float) -> list[Candidate]:
        """What transformers reads out of an answer, in fractions of the picture."""
        (result,) = self.processor.post_process_object_detection(
            outputs, threshold=confidence, target_sizes=[(1, 1)]
        )
        rows = zip(result["labels"], result["scores"], result["boxes"], strict=True)
        return [Candidate(COCO_CLASSES[int(c)], float(s), *map(float, b)) for c, s, b in rows]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    model = made(SMALL, num_queries=PLACES)
    processor = given.RTDetrImageProcessorPil(size={"height": SIDE, "width": SIDE})
    weights = tmp_path_factory.mktemp("weights")
    model.save_pretrained(weights)
    processor.save_pretrained(weights)
    file = weights / "random.onnx"
    export(str(weights), file)
    return Reference(model, file, processor)


def picture(path: Path) -> Pixels:
    return decode(path.read_bytes(), longest=None, full_size=(1280, 720))


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
@pytest.mark.parametrize(("longest", "mean"), [(None, 1.0), (640, 1.5)])
def test_a_picture_goes_in_as_transformers_prepares_it(
    path: Path, longest: int | None, mean: float, reference: Reference
) -> None:
    """Not bit by bit: Pillow and OpenCV make pictures smaller in slightly different ways, and so
    does a JPEG's decoder, which does a part of it in the pipeline. In grey levels of 255."""
    processor = type(reference.processor)()  # with its defaults: 640 x 640
    red_first = np.ascontiguousarray(picture(path)[:, :, ::-1])
    theirs = processor(images=red_first, return_tensors="np")["pixel_values"]
    decoded = decode(path.read_bytes(), longest=longest, full_size=(1280, 720))
    ours = stretched(decoded, 640, 640)
    assert ours.shape == theirs.shape == (1, 3, 640, 640)
    difference = np.abs(ours - theirs) * 255
    assert difference.mean() < mean
    assert np.percentile(difference, 99) < 12


def test_the_answer_is_read_as_transformers_reads_it(reference: Reference) -> None:
    outputs = reference.outputs(picture(PICTURES[2]))
    confidence = a_clear_threshold(outputs.logits.sigmoid().numpy(), PLACES)
    ours = RtDetr("x", SIDE, SIDE, COCO_CLASSES, 0, 1).candidates(
        [outputs.logits.numpy(), outputs.pred_boxes.numpy()], (SIDE, SIDE), confidence
    )
    assert len(ours) > 20
    alike(ours, reference.found(outputs, confidence), 1e-6)


def test_no_more_are_read_than_there_are_queries(reference: Reference) -> None:
    outputs = reference.outputs(picture(PICTURES[2]))
    ours = RtDetr("x", SIDE, SIDE, COCO_CLASSES, 0, 1).candidates(
        [outputs.logits.numpy(), outputs.pred_boxes.numpy()], (SIDE, SIDE), 0.0
    )
    assert len(ours) == PLACES
    alike(ours, reference.found(outputs, 0.0), 1e-6)


@pytest.mark.parametrize("runtime", ["onnxruntime", "torch"])
@pytest.mark.parametrize("path", PICTURES[:4], ids=lambda path: path.stem)
def test_a_runtime_answers_as_the_checkpoint_does(
    path: Path, runtime: str, reference: Reference
) -> None:
    if runtime == "torch" and torch.cuda.is_available():
        pytest.skip("on a GPU it reckons in bf16, where no threshold is clear of all scores")
    model = reference.file.parent if runtime == "torch" else reference.file
    detector = load(model, threads=1, confidence=0.5, runtime=runtime)
    try:
        assert detector.name == f"rtdetr:{model.name}"
        assert detector.sight == SIDE
        assert detector.takes_batches
        outputs = reference.outputs(picture(path))
        feed = {"pixel_values": reference.prepared(picture(path)).numpy()}
        answer: Sequence[Array] = detector._network.run(feed)
    finally:
        detector.close()
    confidence = a_clear_threshold(outputs.logits.sigmoid().numpy(), PLACES)
    family = RtDetr("pixel_values", SIDE, SIDE, COCO_CLASSES, 0, 1)
    ours = family.candidates(answer, (SIDE, SIDE), confidence)
    alike(ours, reference.found(outputs, confidence), 1e-4)


@pytest.mark.skipif(find_spec("openvino") is None, reason="needs the extra `openvino`")
def test_openvino_answers_as_onnx_runtime_does(reference: Reference) -> None:
    """As a whole: in bf16 no threshold is clear of all scores of random weights."""
    usual, other = (
        load(reference.file, threads=1, confidence=0.5, runtime=runtime)
        for runtime in ("onnxruntime", "openvino")
    )
    try:
        assert agree(usual, other)
    finally:
        usual.close()
        other.close()


def a_clear_threshold(scores: Array, most: int) -> float:
    """One that no score is near to: in the widest gap between the best ones."""
    best = np.sort(scores.ravel())[::-1][20:most].astype(np.float64)
    at = int(np.argmax(best[:-1] - best[1:]))
    return float((best[at] + best[at + 1]) / 2)


def alike(ours: list[Candidate], theirs: list[Candidate], within: float) -> None:
    """The same boxes of the same classes, in any order of those that score nearly alike."""
    assert len(ours) == len(theirs)
    left = list(theirs)
    for one in ours:
        distances = [
            np.abs(np.subtract(one[1:], other[1:])).max()
            if other.class_name == one.class_name
            else np.inf
            for other in left
        ]
        nearest = int(np.argmin(distances))
        assert distances[nearest] < within
        left.pop(nearest)
