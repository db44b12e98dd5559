"""What the process of a model does with its line; with a real process: integration."""

import socket
from importlib.metadata import version
from pathlib import Path

from backend.services.detection.detector import Findings
from backend.services.detection.model_detector import ModelDetector, load
from backend.services.detection.process.__main__ import Model, serve
from backend.services.detection.process.handover import (
    TAKEN,
    Asked,
    Failure,
    Introduction,
    SharedPixels,
    line_of,
    read_line,
)
from backend.tests.fixtures.detector_contract import scene
from backend.tests.fixtures.onnx_models import SIDE, BrokenFamily, write_dog_model


def served(model: Path, *asked: bytes) -> list[bytes]:
    """What is said where so much is asked, and then nobody is there any more."""
    pixels = SharedPixels.make()
    pixels.put(scene(visitor=True))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"".join(asked))
        ours.shutdown(socket.SHUT_WR)
        with theirs.makefile("rwb") as line:
            serve(line, pixels, model, threads=1, confidence=0.7, runtime="onnxruntime")
        theirs.shutdown(socket.SHUT_WR)
        with ours.makefile("rb") as said:
            lines = said.readlines()
    pixels.close()
    return lines


def test_it_says_who_it_is_and_what_it_sees_each_time(tmp_path: Path) -> None:
    question = line_of(Asked(48, 64))
    first, *rest = served(write_dog_model(tmp_path / "dog.onnx"), question, question)
    doubt = "it gives the same answer to two pictures that have nothing in common"
    engine = f"onnxruntime {version('onnxruntime')} on cpu in f32"
    assert read_line(first) == Introduction("yolox:dog.onnx", 64, engine, doubt)
    assert [rest[0], rest[2]] == [TAKEN, TAKEN], "before it looks"
    seen = read_line(rest[1])
    assert isinstance(seen, Findings)
    assert [one.class_name for one in seen.detections] == ["dog"]
    assert rest[3] == rest[1]


def test_it_says_why_there_is_no_model(tmp_path: Path) -> None:
    (said,) = served(tmp_path / "none.onnx", line_of(Asked(48, 64)))
    path = tmp_path / "none.onnx"
    assert read_line(said) == Failure(True, "model.missing", f"there is no model file {path}")


def test_it_says_that_the_model_failed(tmp_path: Path) -> None:
    sound = load(write_dog_model(tmp_path / "dog.onnx"), threads=1, confidence=0.7)
    broken = BrokenFamily("images", SIDE, SIDE)
    detector = ModelDetector(sound._network, broken, file="broken.onnx", confidence=0.7)
    pixels = SharedPixels.make()
    pixels.put(scene(visitor=True))
    said = Model(detector, pixels, 0.7).answer(line_of(Asked(48, 64)))
    assert isinstance(said, Failure)
    assert (said.is_invalid, said.code) == (False, "detector.failed")
    detector.close()
    sound.close()
    pixels.close()
