"""A service's answer, checked before it is believed."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Unavailable
from backend.domain.classes import GROUPS
from backend.services.detection.detector import Findings
from backend.services.detection.detector_answer import BadAnswer, Question, read_answer

QUESTION = Question("id-1", 200, 100, 0.5)

numbers = st.floats() | st.integers(-1000, 1000) | st.sampled_from([0.0, 100.0, 200.0, 201.0])
things = st.fixed_dictionaries(
    {
        "class": st.sampled_from([*GROUPS, "chair", "", "<b>"]) | st.text(max_size=5),
        "confidence": numbers | st.floats(0, 1),
        "bbox": st.fixed_dictionaries(dict.fromkeys(("x", "y", "width", "height"), numbers)),
    }
)
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def answer(*found: dict[str, Any], **changes: Any) -> bytes:
    document = {
        "detections": list(found),
        "image_width": 200,
        "image_height": 100,
        "request_id": "id-1",
        "model": "m",
        "of a later version": True,
        **changes,
    }
    return json.dumps(document).encode()


def thing(name: str = "person", confidence: float = 0.9, **box: float) -> dict[str, Any]:
    bbox = {"x": 50, "y": 25, "width": 100, "height": 50, **box}
    return {"class": name, "confidence": confidence, "bbox": bbox}


def read(body: bytes) -> Findings:
    return read_answer(body, QUESTION, sender="http://a:1").findings


def test_in_our_own_terms_the_surest_first() -> None:
    van = thing("car", 0.8) | {"alternatives": [{"class": "truck", "confidence": 0.6}]}
    body = answer(van, thing("chair", 0.7), thing(), thing("dog", 0.4), dropped={"empty": 2})
    findings = read(body)
    person, car = findings.detections
    assert (person.class_name, person.confidence) == ("person", 0.9)
    box = person.box
    assert (box.x, box.y, box.width, box.height) == (0.25, 0.25, 0.5, 0.5)
    assert car.alternatives == (("truck", 0.6),)
    assert findings.dropped == {"class:chair": 1, "empty": 2}
    assert findings.remark is None


def test_car_and_truck_on_one_box_are_one_also_where_the_service_does_not_know_that() -> None:
    (one,) = read(answer(thing("truck", 0.6), thing("car", 0.8))).detections
    assert (one.class_name, one.alternatives) == ("car", (("truck", 0.6),))


def test_of_more_than_a_picture_can_show_the_surest_are_kept() -> None:
    findings = read(answer(*(thing(confidence=0.5 + n / 1000) for n in range(310))))
    assert len(findings.detections) == 300
    assert findings.dropped == {"too_many": 10}


@pytest.mark.parametrize(
    ("said", "doubt"),
    [(None, None), ("", None), ("it is\n  blind", "it is blind"), ("b" * 900, "b" * 200)],
)
def test_what_it_says_against_its_model_is_kept_short(said: str | None, doubt: str | None) -> None:
    assert read_answer(answer(doubt=said), QUESTION, sender="http://a:1").doubt == doubt


def test_what_it_did_not_keep_may_have_any_name() -> None:
    dropped = {"class:cabinet/shelf": 1, "class:a\n(b)": 2, "class:" + "x" * 900: 3, "": 4}
    assert read(answer(thing("chair"), dropped={"class:chair": 1, **dropped})).dropped == {
        "class:chair": 2,
        "class:cabinet/shelf": 1,
        "class:a (b)": 2,
        "class:" + "x" * 74: 3,
        "no reason": 4,
    }


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("rtdetr:s.onnx", "rtdetr:s.onnx at a:1"),
        ("two\nlines\0and\ud800", "two lines and at a:1"),
        ("m" * 900, "m" * 60 + " at a:1"),
        ("", "a model without a name at a:1"),
        (None, "a model without a name at a:1"),
    ],
)
def test_which_model_looked_is_known_and_kept_short(said: str | None, source: str) -> None:
    assert read(answer(model=said)).source == source


def test_a_pixel_beyond_the_edge_is_rounding() -> None:
    (one,) = read(answer(thing(x=-1, width=202))).detections
    assert (one.box.x, one.box.width) == (0, 1)


@pytest.mark.parametrize(
    "body",
    [
        answer(thing(confidence=300)),
        answer(thing(confidence=-0.1)),
        answer(thing(confidence=math.nan)),
        answer(thing(x=math.nan)),
        answer(thing(width=math.inf)),
        answer(thing(width=-1)),
        answer(thing(height=0)),
        answer(thing(x=500)),
        answer(thing(x=-5)),
        answer(thing(width=153)),
        answer(thing() | {"confidence": "0.9"}),
        answer(thing() | {"confidence": True}),
        answer(thing() | {"class": 7}),
        answer(thing() | {"bbox": [1, 2, 3, 4]}),
        answer(detections=None),
        answer(image_width=201),
        answer(image_width="200"),
        answer(request_id="id-2"),
        answer(dropped={"x": 0}),
        b"{}",
        b"[]",
        b"null",
        b"300",
    ],
)
def test_json_that_is_wrong_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="http://a:1"):
        read(body)


@pytest.mark.parametrize("body", [b"", b"<html>", answer(thing())[:-9], b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_no_detector(body: bytes) -> None:
    with pytest.raises(Unavailable) as caught:
        read(body)
    assert caught.value.code == "detector.not_a_detector"


@given(st.lists(things, max_size=4), json_values)
def test_whatever_is_found_is_sound_or_refused_as_a_whole(
    found: list[dict[str, Any]], dropped: object
) -> None:
    try:
        findings = read(answer(*found, dropped=dropped))
    except BadAnswer:
        return
    for one in findings.detections:
        assert one.class_name in GROUPS
        assert 0.5 <= one.confidence <= 1
        box = one.box
        assert 0 <= box.x < box.x + box.width <= 1 + 1e-9
        assert 0 <= box.y < box.y + box.height <= 1 + 1e-9
    assert all(number > 0 for number in findings.dropped.values())


@given(json_values)
def test_whatever_json_it_is_it_is_refused(value: object) -> None:
    with pytest.raises(BadAnswer):
        read(json.dumps(value).encode())
