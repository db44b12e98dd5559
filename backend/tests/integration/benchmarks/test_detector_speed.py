"""P4 and P5 of a small model, through the shipped examiner and a real session."""

from pathlib import Path

import numpy as np

from backend.tests.benchmarks.bench.detector.pictures import encoded
from backend.tests.benchmarks.bench.detector.speed import measure
from backend.tests.benchmarks.bench.place import Bench
from backend.tests.fixtures.onnx_models import SIDE, write_dog_model


async def test_each_model_has_its_rows(tmp_path: Path) -> None:
    path = write_dog_model(tmp_path / "dog.onnx")
    picture = encoded(np.full((SIDE, SIDE, 3), 200, np.uint8))
    (tmp_path / "mine.jpg").write_bytes(picture)
    bench = Bench("", "", "", tmp_path, share=0.1, rounds=2, models=(path,), pictures=tmp_path)
    rows = await measure(bench)
    first, last = rows[0], rows[-1]
    assert (first.id, last.id) == ("P4", "P5")
    assert first.pace is not None
    assert first.pace.model == "dog"
    assert first.pace.runtime.startswith("onnxruntime ")
    assert first.ratio is not None
    assert first.ratio > 0
    assert first.as_json()["pace"]["ours"] == first.pace.ours
    assert (last.ratio, "checkpoint" in last.note) == (None, True)
