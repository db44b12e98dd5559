"""However much waits, live pictures are next, and cameras take turns."""

from collections import Counter
from datetime import timedelta
from hashlib import sha256

import pytest

from backend.domain.frames import Lane
from backend.services.upkeep.reconciler import Reconciler
from backend.tests.fixtures.ledger import HEIGHT, NOON, WIDTH, Ledger, jpeg
from backend.tests.fixtures.stages import Works

CAMERAS = 10
CLAIMS = 60

_BACKLOG = """
    INSERT INTO frames (camera_id, path, size, mtime_ns, inode, content_hash, width, height,
        received_at, captured_at, captured_from, clock_suspect, found_by)
    SELECT CAST(:camera AS int), 'old/' || n || '.jpg', n, n, n, :hash, :width, :height, :now,
        CAST(:now AS timestamptz) - n * interval '1 minute', 'mtime', false, 'scan'
    FROM generate_series(1, :number) AS n
"""


@pytest.fixture
def works(ledger: Ledger) -> Works:
    return Works(ledger)


async def add_backlog(ledger: Ledger, number: int) -> list[int]:
    """Cameras of which so many frames wait, found by a scan; they all show the same."""
    digest = sha256(jpeg(0)).digest()
    ledger.pictures.put(digest, jpeg(0))
    cameras = [await ledger.camera() for _ in range(CAMERAS)]
    for camera in cameras:
        await ledger.change(
            _BACKLOG,
            camera=camera,
            hash=digest,
            width=WIDTH,
            height=HEIGHT,
            now=NOON,
            number=number // CAMERAS,
        )
    return cameras


@pytest.mark.slow
@pytest.mark.parametrize("pictures", [2_000, pytest.param(100_000, marks=pytest.mark.long)])
async def test_a_live_picture_is_next_whatever_waits(works: Works, pictures: int) -> None:
    ledger, stage = works.ledger, works.stage()
    cameras = await add_backlog(ledger, pictures)
    other = await ledger.camera()
    assert await Reconciler(ledger.database, works.bells, works.clock).reconcile() == CAMERAS
    served: Counter[int] = Counter()
    for number in range(CLAIMS):
        live = []
        if number % 7 == 0:  # one of a camera with a backlog, one of another
            for camera in (cameras[0], other):
                at = NOON + timedelta(seconds=number)
                live.append(await ledger.frame(camera, at))
                await works.bells.ring(str(camera), Lane.LIVE)
            for _ in live:
                bell = await works.bells.hear(0.01)
                assert bell is not None
                assert bell.lane == Lane.LIVE
                await stage.handle(bell)
        bell = await works.bells.hear(0.01)
        assert bell is not None
        assert bell.lane == Lane.BACKLOG
        served[int(bell.name)] += 1
        await stage.handle(bell)
        if live:
            assert (
                await ledger.rows(
                    "SELECT id FROM frames WHERE id = ANY(:ids) AND state = 'received'", ids=live
                )
                == []
            )
    assert served == dict.fromkeys(cameras, CLAIMS // CAMERAS), "the cameras take turns"
