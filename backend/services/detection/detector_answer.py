"""What a detector's service answered about one picture, checked before it is believed."""

import json
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.core.errors import Unavailable
from backend.domain.boxes import Detection, clip_box
from backend.services.detection.detector import Findings
from backend.services.detection.postprocess import MAX_CANDIDATES, one_per_vehicle, that_matter

_MOST_OF_A_NAME, _MOST_OF_A_REASON, _MOST_OF_A_DOUBT = 60, 80, 200  # characters
_EDGE = 1.0
"""Pixels by which a box may reach beyond the picture, since others round."""


class BadAnswer(Exception):  # noqa: N818 - a bug, ours or the detector's; not a kind of expected error
    """An answer that no sound detector gives to this picture: never "nothing seen"."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked: under which id, of a picture of which size, for what confidence at least."""

    request_id: str
    width: int
    height: int
    confidence: float


class _Part(BaseModel):
    # Members that we do not know are a later version's.
    model_config = ConfigDict(strict=True, allow_inf_nan=False, validate_by_alias=True)


# Lengths beside the patterns: letters of all languages, many times over, take 30 ms to compile.
ClassName = Annotated[str, Field(alias="class", pattern=r"^[\w -]+$", max_length=40)]
Score = Annotated[float, Field(ge=0, le=1)]


class _Alternative(_Part):
    class_name: ClassName
    confidence: Score


class _Box(_Part):
    x: float = Field(ge=-_EDGE)
    y: float = Field(ge=-_EDGE)
    width: float = Field(gt=0)
    height: float = Field(gt=0)


class _Found(_Part):
    class_name: ClassName
    confidence: Score
    bbox: _Box
    alternatives: list[_Alternative] = []


class _Answer(_Part):
    detections: list[_Found]
    image_width: int
    image_height: int
    request_id: str
    model: str | None = None
    doubt: str | None = None
    dropped: Annotated[dict[str, Annotated[int, Field(gt=0)]], Field(max_length=1000)] = {}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service saw; `doubt` is why it says that its model cannot be trusted."""

    findings: Findings
    doubt: str | None


def read_answer(body: bytes, question: Question, *, sender: str) -> Answer:
    """What was seen, in our own terms: fractions of the picture, our classes, the surest first.

    Raises `Unavailable` (`detector.not_a_detector`) for what is no JSON, since no detector has
    answered then, and `BadAnswer` for JSON that is wrong.
    """
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unavailable(
            f"{sender} answers, and not as a detector: its answer is no JSON",
            code="detector.not_a_detector",
        ) from error
    try:
        answer = _Answer.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise BadAnswer(f"{sender} answered nonsense: {place}: {first['msg']}") from error
    _check_whose_it_is(answer, question, sender)
    doubt = _in_one_line(answer.doubt, _MOST_OF_A_DOUBT)
    return Answer(_findings(answer, question, sender), doubt)


def _check_whose_it_is(answer: _Answer, question: Question, sender: str) -> None:
    if answer.request_id != question.request_id:
        raise BadAnswer(f"{sender} answered another request than the one that was asked")
    size = answer.image_width, answer.image_height
    if size != (question.width, question.height):
        raise BadAnswer(
            f"{sender} answered about a picture of {size[0]} x {size[1]} pixels, and was asked "
            f"about one of {question.width} x {question.height}"
        )


def _findings(answer: _Answer, question: Question, sender: str) -> Findings:
    seen = [_detection(one, question, sender) for one in answer.detections]
    sure = [one for one in seen if one.confidence >= question.confidence]
    sure.sort(key=lambda one: -one.confidence)
    known, foreign = that_matter(sure[:MAX_CANDIDATES])
    dropped = foreign
    for reason, number in answer.dropped.items():  # which may have the name of any model's class
        dropped[_in_one_line(reason, _MOST_OF_A_REASON) or "no reason"] += number
    if len(sure) > MAX_CANDIDATES:
        dropped["too_many"] += len(sure) - MAX_CANDIDATES
    kept = tuple(one_per_vehicle(known))
    remark = f"nothing that matters at a confidence of {question.confidence:g} or more"
    model = _in_one_line(answer.model, _MOST_OF_A_NAME) or "a model without a name"
    source = f"{model} at {urlsplit(sender).netloc}"
    return Findings(kept, dropped, None if kept else remark, source=source)


def _in_one_line(text: str | None, most: int) -> str | None:
    """What a service says, for a line of ours: nothing in it can break one."""
    printable = "".join(sign if sign.isprintable() else " " for sign in (text or "")[:most])
    return " ".join(printable.split()) or None


def _detection(found: _Found, question: Question, sender: str) -> Detection:
    box, width, height = found.bbox, question.width, question.height
    right, bottom = box.x + box.width, box.y + box.height
    on_picture = clip_box(box.x / width, box.y / height, right / width, bottom / height)
    if on_picture is None or right > width + _EDGE or bottom > height + _EDGE:
        raise BadAnswer(f"{sender} answered with a box that does not lie on the picture")
    others = tuple((one.class_name, one.confidence) for one in found.alternatives)
    return Detection(found.class_name, found.confidence, on_picture, others)
