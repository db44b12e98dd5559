"""P4 and P5 of a small model, through the shipped examiner and a real session."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.tests.benchmarks.bench.detector.pictures import encoded
from backend.tests.benchmarks.bench.detector.speed import measure
from backend.tests.benchmarks.bench.place import Bench
from backend.tests.fixtures.onnx_models import SIDE, write_dog_model, write_model


async def test_each_model_has_its_rows(tmp_path: Path) -> None:
    path = write_dog_model(tmp_path / "dog.onnx")
    picture = encoded(np.full((SIDE, SIDE, 3), 200, np.uint8))
    (tmp_path / "mine.jpg").write_bytes(picture)
    bench = Bench(
        *("", "", "", tmp_path), share=0.1, rounds=2, models=(path,), pictures=tmp_path, threads=1
    )
    rows = await measure(bench)
    first, last = rows[0], rows[-1]
    assert (first.id, last.id) == ("P4", "P5")
    assert first.note.endswith(", 1 threads")
    assert first.pace is not None
    assert first.pace.model == "dog"
    assert first.pace.runtime.startswith("onnxruntime ")
    assert first.ratio is not None
    assert first.ratio > 0
    assert first.as_json()["pace"]["ours"] == first.pace.ours
    assert (last.ratio, "checkpoint" in last.note) == (None, True)


async def test_a_model_that_cannot_be_measured_stops_no_other(tmp_path: Path) -> None:
    none = tmp_path / "none.onnx"
    none.write_bytes(b"no model")
    (tmp_path / "mine.jpg").write_bytes(encoded(np.full((SIDE, SIDE, 3), 200, np.uint8)))
    sizes = {"pixel_values": (1, 3, SIDE, SIDE), "sizes": (1, 2)}
    decoded: dict[str, NDArray[Any]] = {
        "labels": np.zeros((1, 8), np.int64),
        "boxes": np.zeros((1, 8, 4), np.float32),
        "scores": np.zeros((1, 8), np.float32),
    }
    two_inputs = write_model(tmp_path / "two.onnx", decoded, inputs=sizes)
    models = none, two_inputs, write_dog_model(tmp_path / "dog.onnx")
    bench = Bench("", "", "", tmp_path, share=0.1, rounds=1, models=models, pictures=tmp_path)
    broken, unread, read, *_ = await measure(bench)
    assert (broken.ratio, unread.ratio) == (None, None)
    assert "not measured" in broken.note
    assert "2 inputs" in unread.note
    assert read.ratio is not None
