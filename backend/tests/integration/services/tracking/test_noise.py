"""A parked car whose box shakes, as small ones do, for half a day."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from backend.domain.boxes import Box
from backend.tests.fixtures.tracking_strategies import Frame, at, seen, track_of

BOX = Box(0.4, 0.4, 0.2, 0.15)
LOOK = bytes(range(0, 256, 4))
PAUSE = 30.0  # seconds after which an event is over

# Hundreds of frames take the same ways again and again.
pytestmark = [pytest.mark.slow, pytest.mark.no_cover]


@pytest.mark.parametrize(("noise", "events"), [(0.05, 1), (0.1, 3)])
def test_noise_of_a_parked_cars_box_is_no_movement(noise: float, events: int) -> None:
    """`noise` is the standard deviation of its place, in its own size."""
    random = np.random.default_rng(2)
    frames: list[Frame] = []
    for second in range(0, 12 * 3600, 10):
        dx, dy = random.normal(0, noise, 2) * (BOX.width, BOX.height)
        box = replace(BOX, x=BOX.x + dx, y=BOX.y + dy)
        frames.append((at(second), (seen("car", box, print_=LOOK),)))
    steps = track_of(frames)
    news = [
        (moment - at(0)).total_seconds()
        for (moment, _), step in zip(frames, steps, strict=True)
        if not all(step.is_scene)
    ]
    assert 1 + sum(later - earlier > PAUSE for earlier, later in pairwise(news)) <= events
