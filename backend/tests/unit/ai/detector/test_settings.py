"""The service's settings, and what is refused."""

from pathlib import Path

import pytest

from ai.detector.__main__ import runtime_of
from ai.detector.settings import DetectorSettings, read_settings
from backend.core.errors import Invalid
from backend.tests.fixtures.product import PROJECT

KEY = "a-key-that-nobody-knows"


def read(monkeypatch: pytest.MonkeyPatch, **given: str) -> DetectorSettings:
    environment = {f"AI_DETECTOR_{name.upper()}": value for name, value in given.items()}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return read_settings(environment)


@pytest.mark.parametrize(
    ("given", "kind", "taken"),
    [
        ("auto", "file", "auto"),
        ("auto", "folder", "torch"),
        ("openvino", "folder", "openvino"),
        ("torch", "file", "torch"),
    ],
)
def test_left_open_a_folder_is_for_pytorch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str, kind: str, taken: str
) -> None:
    (tmp_path / "config.json").touch()
    model = tmp_path if kind == "folder" else tmp_path / "m.onnx"
    assert runtime_of(read(monkeypatch, model=str(model), runtime=given)) == taken


def test_a_folder_without_a_checkpoint_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(Invalid, match="neither a file nor a checkpoint's folder"):
        runtime_of(read(monkeypatch, model=str(tmp_path)))


LONG = "x" * 300


def test_a_model_that_may_not_be_looked_at_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Invalid, match=r"^x+ cannot be looked at: File name too long$"):
        runtime_of(read(monkeypatch, model=LONG))


def test_a_model_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, model="m.onnx")
    assert (settings.model, settings.host, settings.port) == (Path("m.onnx"), "127.0.0.1", 8090)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "AI_DETECTOR_MODEL"),
        ({"model": "m", "modle": "x"}, "AI_DETECTOR_MODLE: no such setting"),
        ({"model": "m", "port": "0"}, "AI_DETECTOR_PORT"),
        ({"model": "m", "host": "0.0.0.0"}, "API_KEY"),  # noqa: S104
        ({"model": "m", "host": "gpu-box"}, "API_KEY"),
        ({"model": "m", "tls_key": "k"}, "TLS_CERTIFICATE"),
        ({"model": "m", "store": "/nowhere"}, "AI_DETECTOR_STORE: there is no folder /nowhere"),
        ({"model": "m", "store": LONG}, f"AI_DETECTOR_STORE: {LONG} cannot be looked at: "),
        (
            {"model": "m", "tls_certificate": __file__, "tls_key": LONG},
            f"AI_DETECTOR_TLS_KEY: {LONG} cannot be looked at: File name too long",
        ),
        (
            {"model": "m", "tls_certificate": "/nowhere", "tls_key": __file__},
            "AI_DETECTOR_TLS_CERTIFICATE: there is no file /nowhere",
        ),
        (
            {"model": "m", "tls_certificate": __file__, "tls_key": __file__},
            "are no certificate with its key",
        ),
    ],
)
def test_what_is_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], named: str
) -> None:
    with pytest.raises(Invalid) as caught:
        read(monkeypatch, **given)
    assert named in str(caught.value)


def test_a_key_is_told_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, model="m", host="0.0.0.0", api_key=KEY)  # noqa: S104
    assert KEY not in repr(settings)
    with pytest.raises(Invalid) as caught:
        read(monkeypatch, model="m", api_key="short-secret")
    assert "API_KEY must be 16 letters" in str(caught.value)
    assert "short-secret" not in str(caught.value)


def test_the_guide_names_every_setting() -> None:
    guide = (PROJECT / "docs" / "guide" / "detector-service.md").read_text()
    missing = [
        name
        for name in DetectorSettings.model_fields
        if f"AI_DETECTOR_{name.upper()}`" not in guide
    ]
    assert not missing
