"""Pictures come, processes are killed by -9 one after the other, and there is other trouble."""

import os

import pytest

from backend.services.upkeep import thumbnail_check
from backend.tests.faults.box import Box
from backend.tests.faults.disks import Disks
from backend.tests.faults.listener import heard_all, listening
from backend.tests.faults.soak import Pace, Soak, keep_figures

MINUTES = float(os.environ.get("HSI_TEST_SOAK_MINUTES", "60"))
FIGURES = os.environ.get("HSI_TEST_SOAK_FIGURES")

SHORT = Pace(20, kill_every=4, trouble_every=5, trouble_lasts=2)
LONG = Pace(60 * MINUTES, unharmed=600)


@pytest.mark.parametrize(
    "pace",
    [pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.long)],
)
async def test_soak(pace: Pace, box: Box, disks: Disks) -> None:
    disk = disks.mount(box.data / "pictures", "1500m") if os.geteuid() == 0 else None
    soak = Soak(box, disk, pace, seed=4)
    try:
        async with listening(f"http://127.0.0.1:{box.port}") as listener:
            await soak.run()
            box.bench.over()
            words = in_words(soak, pace)
            await box.bench.recovered("soak", words, seconds=180, anew={thumbnail_check.DRAWN})
            await heard_all(listener, box.bench.oracle)
    finally:
        keep_figures(await soak.figures(), FIGURES)
    for name, figures in soak.unharmed.summary().items():
        for what, slack in (("KiB", 4096), ("descriptors", 5)):
            first, last = figures[what]
            assert last <= 1.05 * first + slack, f"{what} of {name}: {first}, then {last}"


def in_words(soak: Soak, pace: Pace) -> str:
    return (
        f"{pace.lasts / 60:.1f} min at {1 / pace.picture_every:g} pictures a second, "
        f"{soak.killed.total()} times a process killed by -9, {soak.troubles.total()} other faults"
    )
