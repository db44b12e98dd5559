"""The detector is slow, fails, is away, says nothing, or answers nonsense, while pictures come."""

import pytest

from backend.tests.faults.bench import FaultBench, Temper, lasts

OUTAGES = [5.0, pytest.param(60.0, marks=pytest.mark.long)]
SAID: dict[Temper, str] = {"failing": "workers", "away": "detector", "nonsense": "workers"}
"""The part that health says is not well; a slow detector is none that is ill."""
WORDS: dict[Temper, str] = {
    "slow": "ten times as slow",
    "failing": "failing by an error that nobody expects",
    "away": "not there",
    "silent": "giving no answer at all",
    "nonsense": "answering with numbers that are none",
}


@pytest.mark.parametrize("seconds", OUTAGES)
@pytest.mark.parametrize("temper", WORDS)
async def test_the_detector_is(temper: Temper, seconds: float, bench: FaultBench) -> None:
    bench.start()
    await bench.start_api()
    bench.drop(30)
    await bench.some_final(10)
    bench.temper(temper)
    bench.drop(30)
    await bench.received(60)
    if temper in SAID:
        await bench.says(SAID[temper])
    await lasts(seconds)
    bench.drop(30)
    bench.temper("")
    bench.over()
    await bench.recovered(f"detector {WORDS[temper]}", f"for {seconds:g} s")
