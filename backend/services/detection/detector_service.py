"""The detector as a service on other machines, at one or several addresses."""

import asyncio
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

import cv2
import structlog

from backend.core.breaker import LONGEST_PAUSE, Breaker, BreakerState
from backend.core.clock import Clock
from backend.core.errors import Invalid, Unavailable
from backend.core.retry import FIRST_PAUSE, Pauses
from backend.services.detection.detector import Findings, Pixels, View
from backend.services.detection.detector_address import BrokenOff, Busy, Client, DetectorAddress
from backend.services.detection.detector_answer import BadAnswer, Question

log = structlog.get_logger(__name__)

_QUALITY = 95
_BROKEN_OFF_TIMES = 3
_MOST_REMEMBERED = 100


@dataclass(frozen=True, slots=True)
class ServicePlace:
    """Where the service is, and how it is spoken to.

    `timeout` is in seconds, for one answer, and for how long it may be busy; `sight` as a
    `Detector`'s. Without a `ca_file`, certificates are judged as the system does.
    """

    urls: Sequence[str]
    sight: int
    timeout: float
    api_key: str | None = None
    ca_file: Path | None = None


class ServiceDetector:
    """Sends each picture, as it was given, to the address that has the least to do for us.

    What one cannot answer the next is asked. Where one answers badly and another well, the first is
    left alone for a while; where all answer badly, that is raised as the bug that it is. One that
    did not answer lately is shown a picture again beside another's look at it: nothing waits for
    whether it does.
    """

    def __init__(
        self, place: ServicePlace, clock: Clock, client: Client, *, confidence: float
    ) -> None:
        self.name = "service:" + ",".join(urlsplit(url).netloc for url in place.urls)
        self.sight = place.sight
        # A sole one is probed whenever the breaker around all looking lets a picture through.
        pause = FIRST_PAUSE if len(place.urls) == 1 else LONGEST_PAUSE
        self._addresses = [
            DetectorAddress(url, client, clock, timeout=place.timeout, longest_pause=pause)
            for url in place.urls
        ]
        self._patience = place.timeout
        self._clock = clock
        self._client = client
        self._confidence = confidence
        self._broken_off: dict[int, int] = {}
        self._probes: set[asyncio.Task[None]] = set()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encode")

    @property
    def breakers(self) -> list[Breaker]:
        """How the addresses are."""
        return [address.breaker for address in self._addresses]

    @property
    def doubt(self) -> str | None:
        """Why services say that their models cannot be trusted; known with the first answer."""
        doubts = [f"{one.url} says: {one.doubt}" for one in self._addresses if one.doubt]
        return "; ".join(doubts) or None

    async def detect(self, view: View, memory: bytes | None) -> Findings:  # noqa: ARG002
        """What a service sees.

        Raises `Unavailable` while none answers, `Invalid` for a picture that one cannot ever take,
        `BadAnswer` where all that answer do so badly, or have ended at it time and again.
        """
        height, width = view.pixels.shape[:2]
        question = Question(token_hex(8), width, height, self._confidence)
        loop = asyncio.get_running_loop()
        picture = await loop.run_in_executor(self._thread, _encode, view.pixels)
        pauses, until = Pauses(), self._clock.monotonic() + self._patience
        while True:
            try:
                return await self._ask_in_turn(picture, question)
            except BrokenOff as error:
                self._suspect(picture, error)
                raise
            except Busy as busy:
                pause = max(busy.seconds, pauses.after())
                if self._clock.monotonic() + pause > until:
                    raise Unavailable(
                        "the detectors have more to do than they can", code="detector.busy"
                    ) from busy
                await self._clock.sleep(pause)

    async def aclose(self) -> None:
        """Close the connections."""
        self._thread.shutdown(cancel_futures=True)
        for probe in self._probes:
            probe.cancel()
        await asyncio.gather(*self._probes, return_exceptions=True)
        await self._client.aclose()

    async def _ask_in_turn(self, picture: bytes, question: Question) -> Findings:
        away: list[Unavailable] = []
        busy: list[Busy] = []
        bad: list[tuple[DetectorAddress, BadAnswer]] = []
        for address in self._in_turn(picture, question):
            try:
                found = await address.ask(picture, question)
            except Busy as error:
                busy.append(error)
            except Unavailable as error:
                away.append(error)
            except BadAnswer as error:
                bad.append((address, error))
            else:
                for other, reason in bad:
                    other.distrust(reason)
                return found
        if busy:
            raise min(busy, key=lambda one: one.seconds)
        if bad:
            raise bad[0][1]
        kind = BrokenOff if any(isinstance(one, BrokenOff) for one in away) else Unavailable
        raise kind("; ".join(map(str, away)), code=away[0].code)

    def _in_turn(self, picture: bytes, question: Question) -> list[DetectorAddress]:
        """Whom to ask, the least busy first; who is in doubt is tried beside them."""
        in_turn = sorted(self._addresses, key=lambda one: (one.asked, one.asked_at))
        sound = [one for one in in_turn if one.breaker.state is BreakerState.CLOSED]
        if not sound:
            return in_turn
        for address in in_turn:
            if address.breaker.state is BreakerState.HALF_OPEN and address.asked == 0:
                probe = asyncio.create_task(self._probe(address, picture, question))
                self._probes.add(probe)
                probe.add_done_callback(self._probes.discard)
        return [*sound, *(one for one in in_turn if one not in sound)]

    async def _probe(self, address: DetectorAddress, picture: bytes, question: Question) -> None:
        """See whether an address answers again; what it answers is another's to say."""
        try:
            await address.ask(picture, question)
        except BadAnswer as error:
            address.distrust(error)
        except (Busy, Unavailable, Invalid) as error:
            log.debug("a detector is not well again", address=address.url, reason=str(error))

    def _suspect(self, picture: bytes, error: BrokenOff) -> None:
        """Raise `BadAnswer` for a picture at which so many connections have broken off.

        Counted for the last few such pictures: those that wait are tried again and again.
        """
        mark = hash(picture)
        times = self._broken_off.pop(mark, 0) + 1
        self._broken_off[mark] = times
        if len(self._broken_off) > _MOST_REMEMBERED:
            del self._broken_off[next(iter(self._broken_off))]
        if times >= _BROKEN_OFF_TIMES:
            raise BadAnswer(f"{times} times it ended at this picture: {error}") from error


def open_service(place: ServicePlace, clock: Clock, *, confidence: float) -> ServiceDetector:
    """The detector at these addresses, for the loop that runs; nobody is asked before a picture.

    Raises `Invalid` (`settings.invalid`) for a `ca_file` that is none.
    """
    from backend.services.detection.detector_http import Connections  # loads the HTTP library

    client = Connections(_trust(place.ca_file), timeout=place.timeout, api_key=place.api_key)
    return ServiceDetector(place, clock, client, confidence=confidence)


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise Invalid(
            f"DETECTOR__CA_FILE: {ca_file} is no file of certificates: {error}",
            code="settings.invalid",
        ) from error


def _encode(pixels: Pixels) -> bytes:
    _, jpeg = cv2.imencode(".jpg", pixels, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
    return jpeg.tobytes()
