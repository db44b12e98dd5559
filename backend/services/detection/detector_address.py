"""One address of the detector's service: asks it, and says what its answer means."""

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from backend.core.breaker import Breaker
from backend.core.clock import Clock
from backend.core.errors import Invalid, Unavailable
from backend.core.retry import Pauses
from backend.services.detection.detector import Findings
from backend.services.detection.detector_answer import BadAnswer, Question, read_answer

LONGEST_RETRY_AFTER = 60.0
_NOT_ABOUT_THE_PICTURE = frozenset({401, 403, 404, 405, 407, 408, 425, 429})
_ABOUT_THE_PICTURE = re.compile(r"picture\.[a-z_]{1,40}")


class Busy(Exception):  # noqa: N818 - a sign of life; whoever asked waits, or asks another
    """It has as much to do as it takes, for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"busy for {seconds:g} s")
        self.seconds = seconds


class BrokenOff(Unavailable):
    """The connection ended with the picture sent and no answer: perhaps the picture killed it."""


class NoReply(Exception):  # noqa: N818 - what comes of it the address says
    """Nobody is there, or what came is no reply; why, in one line."""


class CutShort(NoReply):
    """The connection ended before the reply did.

    Also where the service has closed a connection that was kept, at the moment when it was used.
    """


@dataclass(frozen=True, slots=True)
class Reply:
    """What came over HTTP, whatever it means; `headers` know no upper and lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client(Protocol):
    """Speaks HTTP."""

    async def post(self, url: str, picture: bytes, question: Question) -> Reply:
        """The reply to a picture. Raises `NoReply`, or `TimeoutError` where none connects."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class DetectorAddress:
    """A service, and how it does: what it has to do for us, and its breaker."""

    def __init__(
        self,
        url: str,
        client: Client,
        clock: Clock,
        *,
        timeout: float,
        longest_pause: float,
    ) -> None:
        self.url = url
        self.breaker = Breaker(f"detector {url}", clock, pauses=Pauses(longest=longest_pause))
        self.asked = 0
        """How many pictures of ours it has."""
        self.asked_at = clock.monotonic()
        self.doubt: str | None = None
        """Why it said with its last answer that its model cannot be trusted."""
        self._client = client
        self._target = f"{url}/detect"
        self._clock = clock
        self._timeout = timeout
        self._free_at = self.asked_at
        self._has_answered = False

    async def ask(self, picture: bytes, question: Question) -> Findings:
        """What it sees in a JPEG.

        Raises `Busy`; `Unavailable` if it does not answer, or was found not to lately, and
        `BrokenOff` if it ended in the middle; `Invalid` for a picture that it says it can never
        take; `BadAnswer`.
        """
        busy_for = self._free_at - self._clock.monotonic()
        if busy_for > 0:
            raise Busy(busy_for)
        with self.breaker.call():
            self.asked += 1
            self.asked_at = self._clock.monotonic()
            try:
                return self._meaning(await self._reply(picture, question), question)
            finally:
                self.asked -= 1

    def distrust(self, error: BadAnswer) -> None:
        """Another could answer what this one answered badly: leave it alone for a while."""
        with suppress(Unavailable), self.breaker.call():
            raise Unavailable(str(error), code="detector.bad_answers")

    async def _reply(self, picture: bytes, question: Question) -> Reply:
        kind: type[Unavailable] = Unavailable
        try:
            async with asyncio.timeout(self._timeout):
                try:
                    return await self._client.post(self._target, picture, question)
                except CutShort:
                    kind = BrokenOff
                    return await self._client.post(self._target, picture, question)
        except TimeoutError as error:
            raise kind(f"{self.url} gave no answer in time", code="detector.no_answer") from error
        except NoReply as error:
            # Who wants TLS hangs up on who does not speak it, and says nothing.
            is_plain = isinstance(error, CutShort) and self.url.startswith("http://")
            hint = "; if it has TLS, write https://" if is_plain and not self._has_answered else ""
            raise kind(
                f"{self.url} cannot be reached: {error}{hint}", code="detector.unreachable"
            ) from error

    def _meaning(self, reply: Reply, question: Question) -> Findings:
        status = reply.status
        self._has_answered = True
        if status == 200:
            answer = read_answer(reply.body, question, sender=self.url)
            self.doubt = answer.doubt
            return answer.findings
        if status in {429, 503} and (seconds := _retry_after(reply)) is not None:
            self._free_at = self._clock.monotonic() + seconds
            raise Busy(seconds)
        code, detail = _problem(reply)
        if status in _NOT_ABOUT_THE_PICTURE or not 400 <= status < 500:
            why = "DETECTOR__API_KEY is not its key" if status == 401 else detail
            said = f"{self.url} answered {status}{why and ': '}{why}"
            raise Unavailable(said, code="detector.refuses")
        if status == 422 and _ABOUT_THE_PICTURE.fullmatch(code):
            raise Invalid(f"{self.url} cannot take the picture: {detail}", code=code)
        raise BadAnswer(f"{self.url} refused the picture with {status}: {detail or 'no reason'}")


def _retry_after(reply: Reply) -> float | None:
    """In how many seconds it wants to be asked again, if it says so."""
    text = reply.headers.get("Retry-After", "")
    if not re.fullmatch("[0-9]{1,6}", text):
        return None
    return min(float(text), LONGEST_RETRY_AFTER)


def _problem(reply: Reply) -> tuple[str, str]:
    """Code and detail of a problem document; nothing of what is none."""
    if not reply.headers.get("Content-Type", "").startswith("application/problem+json"):
        return "", ""
    try:
        said = json.loads(reply.body)
        return str(said["code"]), " ".join(str(said["detail"])[:200].split())
    except (ValueError, TypeError, KeyError, RecursionError):
        return "", ""
