"""The client of the detector's service, through real connections."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from traceback import format_exception

import cv2
import numpy as np
import pytest

from backend.core.breaker import BreakerState
from backend.core.content_store import ContentStore
from backend.core.errors import HsiError, Invalid, Unavailable
from backend.domain.frames import WaitingFrame
from backend.domain.masks import Mask
from backend.local.access import free_port
from backend.services.detection.detector import View
from backend.services.detection.detector_answer import BadAnswer
from backend.services.detection.detector_service import ServiceDetector, ServicePlace, open_service
from backend.services.detection.reader import PictureReader
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.ledger import NOON
from backend.tests.fixtures.product import PROJECT
from backend.tests.fixtures.scripted_service import (
    Manner,
    ScriptedService,
    person_in,
    scripted_service,
)
from backend.tests.fixtures.stages import CountingDecode

KEY = "a-key-that-nobody-knows"
SECONDS = 0.5
"""For an answer of which none comes."""


def view(shade: int = 60, *, width: int = 64, height: int = 48) -> View:
    return View(1, NOON, np.full((height, width, 3), shade, np.uint8))


@asynccontextmanager
async def client_of(
    *urls: str, clock: ManualClock | None = None, patience: float = 20, key: str | None = None
) -> AsyncIterator[ServiceDetector]:
    place = ServicePlace(urls, sight=64, timeout=patience, api_key=key)
    detector = open_service(place, clock or ManualClock(), confidence=0.5)
    yield detector
    await detector.aclose()


@pytest.fixture
async def service() -> AsyncIterator[ScriptedService]:
    async with scripted_service() as made:
        yield made


async def until_asleep(clock: ManualClock) -> None:
    while not clock.sleepers:
        await asyncio.sleep(0.01)


async def sees(detector: ServiceDetector, shade: int = 60) -> None:
    """It answers, and this very picture."""
    (one,) = (await detector.detect(view(shade), None)).detections
    expected = person_in(shade)
    assert (one.class_name, one.confidence) == ("person", 0.9)
    assert one.box.x == pytest.approx(expected.box.x, abs=1e-6)


async def test_what_it_asks_and_what_it_makes_of_the_answer(service: ScriptedService) -> None:
    async with client_of(service.url, key=KEY) as detector:
        await sees(detector, 100)
        assert detector.name == f"service:127.0.0.1:{service.port}"
    (asked,) = service.asked
    assert asked.target == "/detect?confidence=0.5"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert (asked.width, asked.height, asked.shade) == (64, 48, 100)


async def test_what_a_service_says_against_its_model_is_known_while_it_says_so(
    service: ScriptedService,
) -> None:
    async with client_of(service.url) as detector:
        assert detector.doubt is None
        service.doubt = "it is blind"
        await sees(detector)
        assert detector.doubt == f"{service.url} says: it is blind"
        service.doubt = None
        await sees(detector)
        assert detector.doubt is None


async def test_where_nothing_is_seen_it_says_so(service: ScriptedService) -> None:
    service.manner = "nothing"
    async with client_of(service.url) as detector:
        findings = await detector.detect(view(), None)
    assert findings.detections == ()
    assert findings.remark == "nothing that matters at a confidence of 0.5 or more"


WRONG: dict[Manner, type[Exception]] = {
    "failing": Unavailable,
    "500": Unavailable,
    "401": Unavailable,
    "404": Unavailable,
    "redirecting": Unavailable,
    "html": Unavailable,
    "half": Unavailable,
    "cut": Unavailable,
    "closing": Unavailable,
    "silent": Unavailable,
    "endless": Unavailable,
    "no HTTP": Unavailable,
    "broken chunks": Unavailable,
    "refusing": Invalid,
    "413": BadAnswer,
    "nan": BadAnswer,
    "infinite": BadAnswer,
    "negative": BadAnswer,
    "outside": BadAnswer,
    "score 300": BadAnswer,
    "no list": BadAnswer,
    "no such class": BadAnswer,
    "another's": BadAnswer,
    "another size": BadAnswer,
}
"""What is never "nothing seen", and what it is."""


@pytest.mark.parametrize("manner", WRONG)
async def test_what_goes_wrong_is_of_its_kind(manner: Manner, service: ScriptedService) -> None:
    service.manner = manner
    clock = ManualClock()
    async with client_of(service.url, clock=clock, patience=SECONDS, key=KEY) as detector:
        with pytest.raises(WRONG[manner]) as caught:
            await detector.detect(view(), None)
        said = str(caught.value)
        assert service.url in said
        assert len(said.splitlines()) == 1
        assert KEY not in "".join(format_exception(caught.value))
        assert isinstance(caught.value, HsiError) == (WRONG[manner] is not BadAnswer)
        is_away = WRONG[manner] is Unavailable
        state = BreakerState.OPEN if is_away else BreakerState.CLOSED
        assert detector.breakers[0].state is state
        service.manner = "well"
        clock.advance(1)
        await sees(detector)
        assert detector.breakers[0].state is BreakerState.CLOSED


async def test_whose_model_fails_is_not_taken_for_a_busy_one(service: ScriptedService) -> None:
    service.manner = "failing"
    async with client_of(service.url) as detector:
        with pytest.raises(Unavailable, match="answered 503: the model fell over"):
            await detector.detect(view(), None)
    assert len(service.asked) == 1


async def test_nobody_there(service: ScriptedService) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with client_of(url) as detector:
        with pytest.raises(Unavailable) as caught:
            await detector.detect(view(), None)
        assert caught.value.code == "detector.unreachable"


async def test_a_kept_connection_that_was_closed_meanwhile_costs_nothing(
    service: ScriptedService,
) -> None:
    async with client_of(service.url) as detector:
        await sees(detector, 1)
        service.manners = ["closing"]
        await sees(detector, 2)
    assert [asked.shade for asked in service.asked] == [1, 2, 2]


async def test_who_speaks_something_else_is_asked_once_and_blames_no_picture(
    service: ScriptedService,
) -> None:
    service.manner = "no HTTP"
    clock = ManualClock()
    async with client_of(service.url, clock=clock) as detector:
        for _ in range(4):
            with pytest.raises(Unavailable):
                await detector.detect(view(), None)
            clock.advance(5)
    assert len(service.asked) == 4


async def test_where_tls_is_wanted_and_not_spoken_no_picture_is_sent(
    service: ScriptedService,
) -> None:
    async with client_of(service.url.replace("http:", "https:")) as detector:
        with pytest.raises(Unavailable) as caught:
            await detector.detect(view(), None)
    assert len(str(caught.value).splitlines()) == 1
    assert service.asked == []


async def test_who_never_answered_and_hangs_up_may_want_tls(service: ScriptedService) -> None:
    clock = ManualClock()
    async with client_of(service.url, clock=clock) as detector:
        service.manner = "closing"
        with pytest.raises(Unavailable, match="if it has TLS, write https://"):
            await detector.detect(view(), None)
        service.manner = "well"
        clock.advance(5)
        await sees(detector)
        service.manner = "closing"
        with pytest.raises(Unavailable) as caught:
            await detector.detect(view(), None)
        assert "TLS" not in str(caught.value)


async def test_no_proxy_of_the_environment_gets_a_picture(
    service: ScriptedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    async with client_of(service.url) as detector:
        await sees(detector)


async def test_a_picture_of_more_than_a_megabyte(service: ScriptedService) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1000, 1200, 3), np.uint8)
    async with client_of(service.url) as detector:
        await detector.detect(replace(view(), pixels=noise), None)
    assert len(service.asked[0].picture) > 1 << 20


async def test_who_gives_up_leaves_a_connection_that_nobody_uses_again(
    service: ScriptedService,
) -> None:
    service.manners = ["silent"]
    service.manner = "silent"
    async with client_of(service.url) as detector:
        given_up = asyncio.ensure_future(detector.detect(view(1), None))
        while not service.asked:
            await asyncio.sleep(0.01)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        service.manner = "well"
        for shade in (2, 3):
            await sees(detector, shade)


async def test_a_picture_at_which_it_ends_time_and_again_is_no_outage(
    service: ScriptedService,
) -> None:
    service.kills = 13
    clock = ManualClock()
    async with client_of(service.url, clock=clock) as detector:
        for kind in (Unavailable, Unavailable, BadAnswer, BadAnswer):
            with pytest.raises(kind):
                await detector.detect(view(13), None)
            clock.advance(5)
            await sees(detector, 60)


async def test_who_is_busy_is_asked_again_when_it_says(service: ScriptedService) -> None:
    service.manners = ["busy"]
    clock = ManualClock()
    async with client_of(service.url, clock=clock) as detector:
        asking = asyncio.ensure_future(sees(detector))
        await until_asleep(clock)
        assert len(service.asked) == 1
        assert detector.breakers[0].state is BreakerState.CLOSED
        clock.advance(0.9)
        await asyncio.sleep(0)
        assert len(service.asked) == 1
        clock.advance(0.1)
        await asking
    assert len(service.asked) == 2


async def test_who_is_busy_for_too_long_is_unavailable(service: ScriptedService) -> None:
    service.manner = "busy"
    async with client_of(service.url, patience=SECONDS) as detector:
        with pytest.raises(Unavailable) as caught:
            await detector.detect(view(), None)
    assert caught.value.code == "detector.busy"


# --- Several addresses.


@asynccontextmanager
async def several(
    *manners: Manner, clock: ManualClock | None = None, patience: float = 20
) -> AsyncIterator[tuple[list[ScriptedService], ServiceDetector]]:
    async with AsyncExitStack() as stack:
        services = [await stack.enter_async_context(scripted_service(one)) for one in manners]
        urls = [service.url for service in services]
        detector = await stack.enter_async_context(client_of(*urls, clock=clock, patience=patience))
        yield services, detector


async def test_pictures_one_after_the_other_are_shared() -> None:
    clock = ManualClock()
    async with several("well", "well", "well", clock=clock) as (services, detector):
        for shade in range(9):
            clock.advance(1)
            await sees(detector, shade)
        assert [len(service.asked) for service in services] == [3, 3, 3]


async def test_the_least_busy_one_is_asked() -> None:
    async with several("well", "well") as (services, detector):
        services[0].manner = "silent"
        held = asyncio.ensure_future(detector.detect(view(), None))
        while not services[0].asked:
            await asyncio.sleep(0.01)
        for shade in range(5):
            await sees(detector, shade)
        assert (len(services[0].asked), len(services[1].asked)) == (1, 5)
        held.cancel()
        await asyncio.gather(held, return_exceptions=True)


@pytest.mark.parametrize("manner", [one for one in WRONG if one not in {"refusing", "endless"}])
async def test_what_one_cannot_answer_another_does(manner: Manner) -> None:
    """And the one whose fault it is is left alone, until a picture finds it well again."""
    clock = ManualClock()
    async with several(manner, "well", clock=clock, patience=SECONDS) as (services, detector):
        first, _ = services
        await sees(detector, 1)
        assert [one.state for one in detector.breakers] == [
            BreakerState.OPEN,
            BreakerState.CLOSED,
        ]
        asked = len(first.asked)
        for shade in (2, 3):
            await sees(detector, shade)
        assert len(first.asked) == asked
        first.manner = "well"
        clock.advance(1)
        await sees(detector, 4)
        while detector.breakers[0].state is not BreakerState.CLOSED:
            await asyncio.sleep(0.01)
        assert len(first.asked) == asked + 1, "shown the picture beside the other's look"
        for shade in (5, 6):
            clock.advance(1)
            await sees(detector, shade)
        assert len(first.asked) == asked + 2, "and has its share again"


async def test_nothing_waits_for_whether_one_that_hung_answers_again() -> None:
    clock = ManualClock()
    async with several("silent", "well", clock=clock, patience=SECONDS) as (services, detector):
        first, second = services
        await sees(detector, 1)
        for tries in range(2, 5):
            clock.advance(5)
            await sees(detector, tries)
            assert len(detector._probes) == 1, "it has not answered, and the picture is done"
            await asyncio.wait(set(detector._probes))
            assert len(first.asked) == tries
        assert len(second.asked) == 4
        clock.advance(5)
        await sees(detector, 5)
        assert detector._probes, "which is ended with the rest"
    assert not detector._probes


async def test_one_whose_address_is_none_is_as_one_that_is_away() -> None:
    async with (
        scripted_service() as well,
        client_of(f"http://{'a' * 64}.example:1", well.url) as detector,
    ):
        await sees(detector, 1)
        assert "it is no address" in (detector.breakers[0].view.reason or "")


async def test_where_all_are_away_each_is_named() -> None:
    async with several("500", "html") as (services, detector):
        with pytest.raises(Unavailable) as caught:
            await detector.detect(view(), None)
        assert all(service.url in str(caught.value) for service in services)


async def test_what_all_answer_badly_is_the_pictures_fault_or_ours() -> None:
    async with several("nan", "score 300") as (_, detector):
        with pytest.raises(BadAnswer):
            await detector.detect(view(), None)
        assert all(one.state is BreakerState.CLOSED for one in detector.breakers)


async def test_where_one_is_busy_another_is_asked_at_once() -> None:
    async with several("busy", "well") as (services, detector):
        await sees(detector, 1)
        await sees(detector, 2)
        assert [len(service.asked) for service in services] == [1, 2]


async def test_many_at_once_each_get_their_own_answer() -> None:
    async with several("slow", "well") as (services, detector):
        await asyncio.gather(*(sees(detector, shade) for shade in range(64)))
        assert all(service.asked for service in services)


async def test_what_is_sent_has_its_masks_painted_and_no_exif_and_was_decoded_once(
    service: ScriptedService, tmp_path: Path
) -> None:
    bright = cv2.imencode(".jpg", np.full((480, 640, 3), 200, np.uint8))[1].tobytes()
    exif = b"\xff\xe1\x00\x14Exif\0\0a place on Earth"[:22]
    data = bright[:2] + exif + bright[2:]
    digest, pictures, decode = sha256(data).digest(), ContentStore(tmp_path), CountingDecode()
    pictures.put(digest, data)
    frame = WaitingFrame(1, 1, digest, NOON, 640, 480, 1, None)
    left_half = Mask("window", ((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
    async with client_of(service.url) as detector:
        pixels = await PictureReader(pictures, decode).read(frame, [left_half], longest=64)
        await detector.detect(replace(view(), pixels=pixels), None)
    (asked,) = service.asked
    sent = cv2.imdecode(np.frombuffer(asked.picture, np.uint8), cv2.IMREAD_COLOR)
    assert sent is not None
    middle = asked.width // 2
    assert sent[:, : middle - 8].max() <= 4  # a JPEG's black is nearly black
    assert sent[:, middle + 12 :].min() > 190
    assert max(asked.width, asked.height) < 128
    assert b"Exif" in data
    assert b"Exif" not in asked.picture
    assert len(decode.calls) == 1


@pytest.mark.slow
@pytest.mark.parametrize("process", ["backend.worker", "backend.main"])
def test_who_asks_no_service_loads_no_http_client(process: str) -> None:
    """Some 5 MB of a process."""
    script = f"import sys, {process}; print({{'aiohttp', 'httpx', 'torch'}} & set(sys.modules))"
    said = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert said.stdout == "set()\n"


def test_certificates_that_are_none(tmp_path: Path) -> None:
    place = ServicePlace(["https://x"], sight=64, timeout=1, ca_file=tmp_path / "none.pem")
    with pytest.raises(Invalid) as caught:
        open_service(place, ManualClock(), confidence=0.5)
    assert "DETECTOR__CA_FILE" in str(caught.value)


async def test_a_picture_that_may_not_be_written_to_and_lies_on_its_side(
    service: ScriptedService,
) -> None:
    pixels = np.full((48, 64, 3), 60, np.uint8).transpose(1, 0, 2)
    pixels.setflags(write=False)
    async with client_of(service.url) as detector:
        await detector.detect(replace(view(), pixels=pixels), None)
    assert (service.asked[0].width, service.asked[0].height) == (48, 64)
