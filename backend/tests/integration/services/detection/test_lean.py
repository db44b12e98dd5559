"""RT-DETRv2 as it is exported, beside the one that transformers has: less to reckon, no other
answer. Needs torch and transformers (the extra `export`).
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.services.detection.models.export import export
from backend.services.detection.runtimes.onnxruntime import OnnxRuntimeNetwork
from backend.tests.fixtures.checkpoints import SMALL, lively, made

ARE_THERE = all(map(find_spec, ("torch", "transformers")))
torch: Any = import_module("torch") if ARE_THERE else None

pytestmark = [
    pytest.mark.skipif(not ARE_THERE, reason="needs the extra `export`"),
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # what they deprecate is not ours to mend
]

SIDE = 64
PLACES = sum((SIDE // stride) ** 2 for stride in (8, 16, 32))


def two_pictures() -> Any:
    return torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)).double()


def multiplied(model: Any) -> int:
    """How many products and sums the model's matrices are, for two pictures."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(two_pictures())
    return int(counter.get_total_flops())


def pair(**others: object) -> tuple[Any, Any]:
    """A model in 64 bits, and the same made lean."""
    from backend.services.detection.models.lean import make_lean

    usual, lean = (lively(made({**SMALL, "num_queries": 20, **others})).double() for _ in "12")
    with torch.no_grad():
        make_lean(lean)
    return usual, lean


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"decoder_method": "discrete"},
        {"encode_proj_layers": [1, 2], "encoder_layers": 1},
        {"hidden_expansion": 1.0},
    ],
    ids=lambda others: ", ".join(others) or "as published",
)
def test_in_64_bits_the_answer_is_the_same_to_the_last_digits(others: dict[str, object]) -> None:
    """Where it is algebra, it is: in 32 bits rounding would hide a small mistake."""
    usual, lean = pair(**others)
    with torch.no_grad():
        theirs, ours = usual(two_pictures()), lean(two_pictures())
    for one, other in (
        (theirs.logits, ours.logits),
        (theirs.pred_boxes, ours.pred_boxes),
    ):
        assert (one[0] - one[1]).abs().max() > 0.1, "the pictures matter"
        assert (one - other).abs().max() < 1e-11
    assert multiplied(lean) < multiplied(usual)


def test_each_step_saves_what_it_says() -> None:
    """In products and sums of two pictures, as `SMALL` has its channels: 64, and 32 in a block."""
    usual, lean = pair()
    sizes = [(SIDE // stride) ** 2 for stride in (8, 16, 32)]
    fine, middle, coarse = sizes
    branches = 3 * 32 * 32 * (fine + middle + middle + coarse)
    projections = (32 * 64 + 64 * 64 - 32 * 64) * fine + (64 * 64 + 64 * 64 - 64 * 64) * middle
    boxes = (64 * 64 + 64 * 64 + 64 * 4) * (PLACES - 20)
    assert multiplied(usual) - multiplied(lean) == 2 * 2 * (branches + projections + boxes)


def test_a_projection_that_makes_much_smaller_is_kept() -> None:
    """The middle one, joined, would multiply 512 x 128 for each place, not 512 x 64 + 64 x 128."""
    channels = [32, 512, 128]
    _, lean = pair(
        backbone={**SMALL["backbone"], "hidden_sizes": [16, *channels]},
        encoder_in_channels=channels,
        hidden_expansion=1.0,
    )
    left = [type(one).__name__ for one in lean.model.encoder_input_proj]
    assert left == ["Identity", "Sequential", "Sequential"]


def test_where_queries_are_learned_all_boxes_are_asked_for() -> None:
    """transformers 5.24 fails at such a model; it is rebuilt as one that works would need it."""
    usual, lean = pair(learn_initial_query=True)
    assert type(lean.model.enc_bbox_head) is type(usual.model.enc_bbox_head)
    assert type(lean.model.decoder) is type(usual.model.decoder)


def test_another_model_stays_as_it_is() -> None:
    from backend.services.detection.models.lean import make_lean

    other = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))
    before = [id(one) for one in other.modules()]
    make_lean(other)
    assert [id(one) for one in other.modules()] == before
    assert other.training


def test_the_file_answers_to_several_pictures_as_the_checkpoint_does(tmp_path: Path) -> None:
    """Sorted: every place is asked, and which of two that are nearly alike is first is chance."""
    model = lively(made(SMALL, num_queries=PLACES))
    model.save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        f'{{"size": {{"height": {SIDE}, "width": {SIDE}}}}}'
    )
    export(str(tmp_path), tmp_path / "model.onnx")
    pictures = two_pictures().float()
    with torch.no_grad():
        outputs = model(pictures)
    network = OnnxRuntimeNetwork(tmp_path / "model.onnx", threads=1)
    answer = network.run({"pixel_values": pictures.numpy()})
    for ours, theirs in zip(answer, (outputs.logits, outputs.pred_boxes), strict=True):
        assert ours.shape == tuple(theirs.shape)
        apart = np.sort(ours, axis=1) - np.sort(theirs.numpy(), axis=1)
        assert np.abs(apart).max() < 1e-3
