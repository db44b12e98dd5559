"""A batch of frames is looked at: one decode each, in order, and each frame has its own end."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from backend.core.breaker import Breaker
from backend.core.content_store import ContentStore
from backend.core.disk_threads import Answer, P
from backend.core.errors import Invalid, NotFound, Unavailable
from backend.domain.frames import FrameState, WaitingFrame
from backend.domain.thumbnails import thumbnail_path
from backend.services.detection.detector import Findings
from backend.services.detection.enrichment import Enrichment
from backend.services.detection.examiner import Examiner
from backend.services.detection.picture import decode
from backend.services.detection.reader import Decode, Originals, PictureReader
from backend.services.detection.tracking import Tracker
from backend.services.stores.knowledge import Knowledge
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.detectors import ScriptedDetector, found
from backend.tests.fixtures.ledger import HEIGHT, NOON, WIDTH, jpeg
from backend.tests.fixtures.stages import UTC_ZONE, CountingDecode

SECOND = timedelta(seconds=1)
NOTHING_KNOWN = Knowledge()

DECODERS: dict[str, Callable[[], Decode]] = {"shipped": lambda: decode, "counting": CountingDecode}


class Desk:
    """An examiner over pictures on disk; frame N was taken N seconds after noon."""

    def __init__(self, folder: Path) -> None:
        self.detector = ScriptedDetector()
        self.decode = CountingDecode()
        self.pictures = ContentStore(folder / "pictures")
        self.thumbnails = folder / "thumbnails"
        self.clock = ManualClock()
        self.breaker = Breaker("detector", self.clock)
        self.examiner = self._examiner(PictureReader(self.pictures, self.decode))

    def with_originals(self, originals: Originals, patience: float = 4.0) -> Examiner:
        """An examiner that knows where cameras put their files."""
        return self._examiner(PictureReader(self.pictures, originals=originals, patience=patience))

    def _examiner(self, reader: PictureReader) -> Examiner:
        tracker = Tracker(UTC_ZONE, Enrichment((), self.clock))
        return Examiner(self.detector, reader, tracker, self.thumbnails, self.breaker)

    def frames(self, count: int) -> list[WaitingFrame]:
        return [self.frame(number, jpeg(number)) for number in range(count)]

    def frame(self, number: int, data: bytes | None) -> WaitingFrame:
        """A frame; without data its copy is gone."""
        digest = sha256(data or b"gone").digest()
        if data is not None:
            self.pictures.put(digest, data)
        at = NOON + number * SECOND
        return WaitingFrame(number, 1, digest, at, WIDTH, HEIGHT, 1, None)

    def shows(self, number: int, answer: Findings | Exception) -> None:
        self.detector.script[NOON + number * SECOND] = answer

    def looked_at(self) -> Sequence[int]:
        return [round((view.captured_at - NOON) / SECOND) for view in self.detector.views]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_each_is_decoded_once_and_seen_in_order(desk: Desk) -> None:
    desk.shows(1, found("person"))
    examination = await desk.examiner.examine(desk.frames(4), NOTHING_KNOWN)
    assert [(one.frame.id, one.state) for one in examination.seen] == [
        (0, FrameState.EMPTY),
        (1, FrameState.ATTACHED),
        (2, FrameState.EMPTY),
        (3, FrameState.EMPTY),
    ]
    assert len(desk.decode.calls) == 4
    assert desk.looked_at() == [0, 1, 2, 3]
    assert examination.succeeded
    assert (examination.failed, examination.uncounted) == ({}, [])


async def test_only_what_shows_something_gets_a_thumbnail(desk: Desk) -> None:
    desk.shows(1, found("person"))
    await desk.examiner.examine(desk.frames(3), NOTHING_KNOWN)
    made = [path for path in desk.thumbnails.rglob("*") if path.is_file()]
    assert made == [thumbnail_path(desk.thumbnails, 1)]
    assert made[0].read_bytes().startswith(b"\xff\xd8")


async def test_the_memory_goes_from_frame_to_frame(desk: Desk) -> None:
    desk.shows(0, Findings((), memory=b"one"))
    desk.shows(1, Findings((), memory=b"two"))
    examination = await desk.examiner.examine(desk.frames(2), Knowledge(memory=b"before"))
    assert desk.detector.memories == [b"before", b"one"]
    assert examination.memory == b"two"


async def test_the_next_is_decoded_while_the_detector_is_at_one(desk: Desk) -> None:
    desk.detector.go_on.clear()
    examining = asyncio.create_task(desk.examiner.examine(desk.frames(3), NOTHING_KNOWN))
    async with asyncio.timeout(0.8):
        await desk.detector.looking.wait()
        while len(desk.decode.calls) < 2:
            await asyncio.sleep(0.001)
    assert desk.looked_at() == [0]
    desk.detector.go_on.set()
    await examining


async def test_what_is_no_picture_is_quarantined_and_the_rest_goes_on(desk: Desk) -> None:
    batch = [desk.frame(0, b"no picture"), *desk.frames(2)[1:]]
    examination = await desk.examiner.examine(batch, NOTHING_KNOWN)
    assert [one.state for one in examination.seen] == [FrameState.QUARANTINED, FrameState.EMPTY]
    assert examination.seen[0].reason


async def test_one_without_its_copy_is_buried_with_the_reason(desk: Desk) -> None:
    examination = await desk.examiner.examine(
        [desk.frame(0, None), *desk.frames(2)[1:]], NOTHING_KNOWN
    )
    assert [one.state for one in examination.seen] == [FrameState.BURIED, FrameState.EMPTY]
    assert examination.seen[0].reason


async def test_one_that_no_detector_can_look_at_is_buried(desk: Desk) -> None:
    desk.shows(0, Invalid("too odd", code="picture.unfit"))
    examination = await desk.examiner.examine(desk.frames(1), NOTHING_KNOWN)
    assert [(one.state, one.reason) for one in examination.seen] == [(FrameState.BURIED, "too odd")]
    assert not examination.succeeded


async def test_an_unexpected_error_is_that_frames_alone(desk: Desk) -> None:
    desk.shows(1, RuntimeError("over this"))
    with capture_logs() as said:
        examination = await desk.examiner.examine(desk.frames(3), NOTHING_KNOWN)
    assert [one["frame_id"] for one in said] == [1]
    assert [one.frame.id for one in examination.seen] == [0, 2]
    assert {number: str(error) for number, error in examination.failed.items()} == {1: "over this"}


async def test_decoding_is_no_work_of_the_disk(desk: Desk) -> None:
    """Else a slow processor, or a large picture, would look like a slow disk."""
    decoded: list[int] = []

    async def in_thread(work: Callable[P, Answer], /, *args: P.args, **named: P.kwargs) -> Answer:
        answer = work(*args, **named)
        decoded.append(len(desk.decode.calls))
        return answer

    reader = PictureReader(desk.pictures, desk.decode, in_thread=in_thread)
    await reader.read(desk.frames(1)[0], (), longest=32)
    assert (decoded, len(desk.decode.calls)) == ([0], 1)


async def test_when_something_is_unavailable_the_rest_waits(desk: Desk) -> None:
    gone = Unavailable("no detector", code="detector.unavailable")
    desk.shows(1, gone)
    examination = await desk.examiner.examine(desk.frames(4), NOTHING_KNOWN)
    assert [one.frame.id for one in examination.seen] == [0]
    assert examination.uncounted == [1, 2, 3]
    assert (desk.breaker.view.reason, desk.breaker.view.code) == (str(gone), gone.code)


async def test_while_it_is_known_to_be_unavailable_nobody_asks(desk: Desk) -> None:
    desk.shows(0, Unavailable("no detector", code="detector.unavailable"))
    await desk.examiner.examine(desk.frames(2), NOTHING_KNOWN)
    examination = await desk.examiner.examine(desk.frames(2), NOTHING_KNOWN)
    assert (desk.looked_at(), examination.uncounted) == ([0], [0, 1])


async def test_what_is_no_picture_says_nothing_about_the_detector(desk: Desk) -> None:
    desk.shows(1, Unavailable("no detector", code="detector.unavailable"))
    desk.shows(2, Invalid("too odd", code="picture.unfit"))
    await desk.examiner.examine(desk.frames(2)[1:], NOTHING_KNOWN)
    desk.clock.advance(1)
    broken = [desk.frame(7, b"no picture"), desk.frames(3)[2]]
    examination = await desk.examiner.examine(broken, NOTHING_KNOWN)
    assert len(examination.seen) == 2
    assert str(desk.breaker.state) == "half-open"
    await desk.examiner.examine(desk.frames(4)[3:], NOTHING_KNOWN)
    assert str(desk.breaker.state) == "closed"


async def test_where_thumbnails_cannot_be_kept_the_frame_waits(desk: Desk) -> None:
    desk.shows(0, found("person"))
    desk.thumbnails.write_text("in the way")
    examination = await desk.examiner.examine(desk.frames(1), NOTHING_KNOWN)
    assert desk.breaker.view.code == "thumbnails.unwritable"
    assert examination.uncounted == [0]


async def test_stopped_it_ends_the_picture_at_hand_and_begins_no_other(desk: Desk) -> None:
    desk.detector.go_on.clear()
    examining = asyncio.create_task(desk.examiner.examine(desk.frames(3), NOTHING_KNOWN))
    await asyncio.wait_for(desk.detector.looking.wait(), 0.8)
    desk.examiner.stop()
    desk.detector.go_on.set()
    examination = await examining
    assert [one.frame.id for one in examination.seen] == [0]
    assert examination.uncounted == [1, 2]


class CopiesAgain:
    """Cameras' files, from which the copies are made again; or nothing of them is left."""

    def __init__(self, desk: Desk, *files: bytes) -> None:
        self._desk = desk
        self._files = files

    async def copy_again(self, frame_id: int) -> None:
        if not self._files:
            raise NotFound("and so is the file", code="pictures.missing")
        data = self._files[frame_id]
        self._desk.pictures.put(sha256(data).digest(), data)


async def test_a_copy_that_is_gone_is_made_again_and_looked_at(desk: Desk) -> None:
    frames = desk.frames(2)
    desk.pictures.path(frames[1].content_hash).unlink()
    desk.examiner = desk.with_originals(CopiesAgain(desk, jpeg(0), jpeg(1)))
    examination = await desk.examiner.examine(frames, NOTHING_KNOWN)
    assert [one.state for one in examination.seen] == [FrameState.EMPTY] * 2


async def test_where_the_file_is_gone_too_the_frame_is_buried_with_the_reason(desk: Desk) -> None:
    frames = desk.frames(2)
    desk.pictures.path(frames[1].content_hash).unlink()
    desk.examiner = desk.with_originals(CopiesAgain(desk))
    examination = await desk.examiner.examine(frames, NOTHING_KNOWN)
    assert [(one.state, one.reason) for one in examination.seen] == [
        (FrameState.EMPTY, None),
        (FrameState.BURIED, "and so is the file"),
    ]


async def test_while_the_file_may_be_back_the_frame_waits(desk: Desk) -> None:
    class Unmounted:
        async def copy_again(self, frame_id: int) -> None:
            raise Unavailable("the cameras' folder is not there", code="media.root_gone")

    frames = desk.frames(2)
    desk.pictures.path(frames[1].content_hash).unlink()
    desk.examiner = desk.with_originals(Unmounted())
    examination = await desk.examiner.examine(frames, NOTHING_KNOWN)
    assert [one.state for one in examination.seen] == [FrameState.EMPTY]
    assert examination.uncounted == [frames[1].id]


async def test_a_file_that_does_not_come_holds_up_its_own_frame_alone(desk: Desk) -> None:
    """As of a share whose server is away; others, who hold up nobody, wait for it longer."""

    class Hanging:
        async def copy_again(self, frame_id: int) -> None:
            await asyncio.Event().wait()

    frames = desk.frames(2)
    desk.pictures.path(frames[0].content_hash).unlink()
    desk.examiner = desk.with_originals(Hanging(), patience=0.02)
    examination = await desk.examiner.examine(frames, NOTHING_KNOWN)
    assert [one.frame.id for one in examination.seen] == [frames[1].id]
    assert examination.uncounted == [frames[0].id]


# --- What every decoder keeps to.


@pytest.fixture(params=DECODERS)
def decoder(request: pytest.FixtureRequest) -> Decode:
    return DECODERS[request.param]()


@pytest.mark.parametrize(
    ("longest", "shape"), [(None, (48, 64, 3)), (40, (48, 64, 3)), (32, (24, 32, 3))]
)
def test_no_smaller_than_can_be_made_use_of(
    decoder: Decode, longest: int | None, shape: tuple[int, ...]
) -> None:
    pixels = decoder(jpeg(120), longest=longest, full_size=(WIDTH, HEIGHT))
    assert pixels.shape == shape
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - 120).max() <= 2


def test_the_same_bytes_are_the_same_pixels(decoder: Decode) -> None:
    first, second = (decoder(jpeg(70), longest=None, full_size=(WIDTH, HEIGHT)) for _ in range(2))
    assert np.array_equal(first, second)
    first[:] = 0
    assert second.max() > 0, "each gets its own"


@pytest.mark.parametrize("data", [b"", b"no picture", jpeg(70)[:20]])
def test_what_is_no_picture_is_invalid(decoder: Decode, data: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        decoder(data, longest=None, full_size=(WIDTH, HEIGHT))
    assert caught.value.code == "picture.undecodable"
