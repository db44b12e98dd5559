"""What the answer of an address means, and which of several is asked; without a network."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from backend.core.breaker import BreakerState
from backend.core.errors import Invalid, Unavailable
from backend.services.detection.detector import View
from backend.services.detection.detector_address import (
    BrokenOff,
    Busy,
    CutShort,
    DetectorAddress,
    NoReply,
    Reply,
)
from backend.services.detection.detector_answer import BadAnswer, Question
from backend.services.detection.detector_service import ServiceDetector, ServicePlace
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.ledger import NOON

QUESTION = Question("id-1", 64, 48, 0.5)
PROBLEM = {"Content-Type": "application/problem+json"}

Answer = Callable[[Question], Reply]


def sound(question: Question) -> Reply:
    document = {
        "detections": [],
        "image_width": question.width,
        "image_height": question.height,
        "request_id": question.request_id,
        "model": "m",
    }
    return Reply(200, {}, json.dumps(document).encode())


def raising(error: Exception) -> Answer:
    def answer(_: Question) -> Reply:
        raise error

    return answer


def says(status: int, code: str = "x", detail: str = "", **headers: str) -> Answer:
    body = json.dumps({"code": code, "detail": detail}).encode()
    return lambda _: Reply(status, {**PROBLEM, **headers}, body)


class ScriptedClient:
    """Answers in turn, the last answer for ever; by address where there are several."""

    def __init__(self, **answers: list[Answer]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def post(self, url: str, picture: bytes, question: Question) -> Reply:
        name = url.removeprefix("http://").partition(":")[0]
        self.asked.append(name)
        answers = self._answers[name]
        return (answers.pop(0) if len(answers) > 1 else answers[0])(question)

    async def aclose(self) -> None:
        self._answers.clear()


def address(*answers: Answer) -> DetectorAddress:
    client = ScriptedClient(a=list(answers))
    return DetectorAddress("http://a:1", client, ManualClock(), timeout=5, longest_pause=60)


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (says(503, detail="the model fell over"), Unavailable, "answered 503: the model fell over"),
        (says(401), Unavailable, "answered 401: DETECTOR__API_KEY is not its key"),
        (says(404), Unavailable, "answered 404"),
        (says(503, **{"Retry-After": "7"}), Busy, "busy for 7 s"),
        (says(429, **{"Retry-After": "9999"}), Busy, "busy for 60 s"),
        (says(503, **{"Retry-After": "soon"}), Unavailable, "answered 503"),
        (says(422, "picture.unfit", "too dark"), Invalid, "cannot take the picture: too dark"),
        (says(422, "request.invalid", "no"), BadAnswer, "refused the picture with 422: no"),
        (lambda _: Reply(413, {}, b"<html>"), BadAnswer, "refused the picture with 413: no reason"),
        (lambda _: Reply(422, PROBLEM, b"[]"), BadAnswer, "with 422: no reason"),
        (raising(NoReply("no route")), Unavailable, "cannot be reached: no route"),
        (raising(TimeoutError()), Unavailable, "gave no answer in time"),
        (raising(CutShort("cut")), BrokenOff, "cut; if it has TLS, write https://"),
    ],
)
async def test_what_an_answer_means(answer: Answer, kind: type[Exception], said: str) -> None:
    asked = address(answer)
    with pytest.raises(kind, match=said):
        await asked.ask(b"", QUESTION)
    is_away = issubclass(kind, Unavailable)
    assert asked.breaker.state is (BreakerState.OPEN if is_away else BreakerState.CLOSED)
    assert asked.asked == 0


async def test_a_connection_that_ended_is_tried_once_more() -> None:
    asked = address(raising(CutShort("cut")), sound)
    assert (await asked.ask(b"", QUESTION)).source == "m at a:1"


async def test_whoever_is_busy_is_left_alone_for_as_long() -> None:
    asked = address(says(503, **{"Retry-After": "7"}), sound)
    for _ in range(2):
        with pytest.raises(Busy):
            await asked.ask(b"", QUESTION)
    asked._clock.advance(7)  # type: ignore[attr-defined]
    await asked.ask(b"", QUESTION)


async def ask_two(a: Answer, b: Answer, times: int = 1) -> tuple[ServiceDetector, list[str]]:
    client = ScriptedClient(a=[a], b=[b])
    place = ServicePlace(["http://a:1", "http://b:1"], sight=64, timeout=5)
    detector = ServiceDetector(place, ManualClock(), client, confidence=0.5)
    view = View(1, NOON, np.zeros((48, 64, 3), np.uint8))
    try:
        for _ in range(times):
            await detector.detect(view, None)
    finally:
        await detector.aclose()
    return detector, client.asked


@pytest.mark.parametrize(
    "answer", [raising(NoReply("off")), says(413), says(503, **{"Retry-After": "7"})]
)
async def test_what_one_cannot_answer_the_other_is_asked(answer: Answer) -> None:
    detector, asked = await ask_two(answer, sound, times=2)
    assert asked[:2] == ["a", "b"]
    assert detector.breakers[1].state is BreakerState.CLOSED


@pytest.mark.parametrize(
    ("a", "b", "kind"),
    [
        (raising(NoReply("off")), raising(NoReply("off")), Unavailable),
        (says(413), raising(NoReply("off")), BadAnswer),
        (raising(NoReply("off")), raising(CutShort("cut")), BrokenOff),
        (says(422, "picture.unfit"), sound, Invalid),
    ],
)
async def test_where_none_answers_it_is_said_as_what_it_is(
    a: Answer, b: Answer, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        await ask_two(a, b)


def test_the_name_has_the_addresses() -> None:
    client: Any = ScriptedClient()
    place = ServicePlace(["http://a:1", "http://b:1"], sight=64, timeout=5)
    detector = ServiceDetector(place, ManualClock(), client, confidence=0.5)
    assert (detector.name, detector.sight, detector.doubt) == ("service:a:1,b:1", 64, None)
