"""RT-DETRv2 here and in transformers: the same picture goes in, and the same is read out.

Needs torch and transformers (the extra `export`). The checkpoint is made here, with random weights:
there every place of the picture is a query, since with fewer the choice among nearly equal ones
would be a lottery. Their order is chance still, and means nothing.
"""

import re
import runpy
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.services.detection.coco import COCO_CLASSES
from backend.services.detection.detector import Pixels
from backend.services.detection.model_detector import load
from backend.services.detection.picture import decode
from backend.services.detection.postprocess import Candidate
from backend.services.detection.prepare import stretched
from backend.services.detection.rtdetr import RtDetr
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
    torch.manual_seed(7)
    backbone = given.RTDetrResNetConfig(
        embedding_size=16,
        hidden_sizes=[16, 32, 64, 128],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        downsample_in_first_stage=False,
        downsample_in_bottleneck=False,
        out_features=["stage2", "stage3", "stage4"],
    )
    config = given.RTDetrV2Config(
        backbone_config=backbone,
        encoder_in_channels=[32, 64, 128],
        encoder_hidden_dim=64,
        encoder_ffn_dim=64,
        d_model=64,
        decoder_in_channels=[64, 64, 64],
        decoder_ffn_dim=64,
        decoder_layers=2,
        hidden_expansion=0.5,
        id2label=dict(enumerate(COCO_CLASSES)),
        num_queries=PLACES,
    )
    model = given.RTDetrV2ForObjectDetection(config).eval()
    file = tmp_path_factory.mktemp("export") / "random.onnx"
    export(model, file)
    processor = given.RTDetrImageProcessorPil(size={"height": SIDE, "width": SIDE})
    return Reference(model, file, processor)


def export(model: Any, file: Path) -> None:
    """By the very text of the guide, but for the size of the input."""
    guide = (PROJECT / "docs" / "guide" / "detectors.md").read_text(encoding="utf-8")
    (text,) = re.findall("```python\n(.*?)```", guide, re.DOTALL)
    assert "SIDE = 640\n" in text
    weights, script = file.with_name("weights"), file.with_name("export.py")
    model.save_pretrained(weights)
    script.write_text(text.replace("SIDE = 640\n", f"SIDE = {SIDE}\n"), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["export.py", str(weights), str(file)])
        runpy.run_path(str(script), run_name="__main__")


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


@pytest.mark.parametrize("path", PICTURES[:4], ids=lambda path: path.stem)
def test_the_exported_file_answers_as_the_checkpoint_does(path: Path, reference: Reference) -> None:
    detector = load(reference.file, threads=1, confidence=0.5)
    try:
        assert detector.name == "rtdetr:random.onnx"
        outputs = reference.outputs(picture(path))
        feed = {"pixel_values": reference.prepared(picture(path)).numpy()}
        answer: Sequence[Array] = detector._network.run(feed)
    finally:
        detector.close()
    confidence = a_clear_threshold(outputs.logits.sigmoid().numpy(), PLACES)
    family = RtDetr("pixel_values", SIDE, SIDE, COCO_CLASSES, 0, 1)
    ours = family.candidates(answer, (SIDE, SIDE), confidence)
    alike(ours, reference.found(outputs, confidence), 1e-4)


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
