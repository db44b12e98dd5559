"""The catalogue says what is known, and nothing else."""

import re

import pytest

from backend.core.errors import Conflict, Invalid, NotFound
from backend.services.detection.models.catalogue import (
    Entry,
    Source,
    catalogue,
    entry_of,
    weights_of,
)
from backend.services.detection.models.folder import NO_MODEL, check_name


def test_it_has_motion_first_both_families_and_what_is_to_be_exported() -> None:
    names = list(catalogue())
    assert names[0] == NO_MODEL
    assert {name.partition("-")[0] for name in names[1:]} == {"rtdetrv2", "yolox"}
    weights = {entry.weights for entry in catalogue().values() if entry.weights}
    assert weights == {
        f"PekingU/rtdetr_v2_{one}" for one in ("r18vd", "r34vd", "r50vd_m", "r50vd", "r101vd")
    }


@pytest.mark.parametrize("entry", list(catalogue().values())[1:], ids=lambda entry: entry.name)
def test_each_model_says_where_it_comes_from_and_what_it_may(entry: Entry) -> None:
    assert check_name(entry.name) == entry.name
    assert entry.licence == "Apache-2.0"
    assert entry.figures.startswith("https://")
    assert entry.ap is not None
    assert 20 < entry.ap < 60
    assert entry.about
    assert entry.source is not None or entry.weights is not None
    if entry.source is not None:
        assert entry.source.url(None).startswith("https://")
        assert entry.source.sha256 is not None
        assert re.fullmatch("[0-9a-f]{64}", entry.source.sha256)
        assert entry.source.size is not None


def test_a_mirror_has_all_under_the_same_paths() -> None:
    source = Source("https://hub.example", "somebody/model/model.onnx")
    assert source.url(None) == "https://hub.example/somebody/model/model.onnx"
    assert source.url("http://mirror/a/") == "http://mirror/a/somebody/model/model.onnx"


def test_what_cannot_be_fetched_says_why() -> None:
    with pytest.raises(NotFound, match="hsi models list"):
        entry_of("yolo-9000")
    with pytest.raises(Conflict, match="PyTorch weights only"):
        entry_of("rtdetrv2-x").to_fetch()
    with pytest.raises(Conflict, match="needs no file"):
        entry_of("motion").to_fetch()


def test_a_name_that_no_folder_can_have_is_said() -> None:
    with pytest.raises(Invalid, match="cannot be looked at: File name too long"):
        weights_of("x" * 300)
