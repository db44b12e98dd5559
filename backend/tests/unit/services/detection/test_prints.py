"""Prints of crops."""

import cv2
import numpy as np
import pytest

from backend.domain.boxes import Box
from backend.domain.prints import LENGTH, likeness
from backend.domain.suppressions import LEAST_LIKENESS
from backend.services.detection.detector import Pixels
from backend.services.detection.prints import print_of

WHOLE = Box(0, 0, 1, 1)


def pattern(seed: int, *, coloured: bool = True) -> Pixels:
    """Large blots, between a quarter and three quarters of full light."""
    random = np.random.default_rng(seed)
    blots = random.uniform(64, 192, (6, 4, 3 if coloured else 1)).astype(np.float32)
    large = cv2.resize(blots, (120, 180), interpolation=cv2.INTER_CUBIC)
    return np.clip(large.reshape(180, 120, -1).repeat(1 if coloured else 3, 2), 0, 255).astype(
        np.uint8
    )


def test_a_print_has_64_bytes() -> None:
    assert len(print_of(pattern(1), Box(0.2, 0.3, 0.5, 0.5))) == LENGTH


@pytest.mark.parametrize("gain", [0.5, 1.3])
def test_exposure_and_noise_change_little(gain: float) -> None:
    noise = np.random.default_rng(0).normal(0, 6, (180, 120, 3))
    exposed = np.clip(pattern(1) * gain + 4 + noise, 0, 255).astype(np.uint8)
    assert likeness(print_of(pattern(1), WHOLE), print_of(exposed, WHOLE)) > 0.85


def test_a_small_shake_changes_little() -> None:
    pixels = pattern(1)
    shaken = print_of(pixels, Box(0.22, 0.21, 0.5, 0.5))
    assert likeness(print_of(pixels, Box(0.2, 0.2, 0.5, 0.5)), shaken) > 0.85


@pytest.mark.parametrize("coloured", [True, False])
def test_different_things_differ(coloured: bool) -> None:
    prints = [print_of(pattern(seed, coloured=coloured), WHOLE) for seed in range(6)]
    alike = [likeness(a, b) for i, a in enumerate(prints) for b in prints[:i]]
    assert max(alike) < 0.8


@pytest.mark.parametrize("box", [Box(0.5, 0.5, 0.01, 0.4), Box(0.999, 0.999, 0.001, 0.001)])
def test_what_is_too_small_has_none(box: Box) -> None:
    assert print_of(pattern(1), box) == b""


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_plain_surface_has_one(grey: int) -> None:
    plain = print_of(np.full((50, 50, 3), grey, np.uint8), WHOLE)
    assert len(plain) == LENGTH
    assert 0 <= likeness(plain, print_of(pattern(1), WHOLE)) <= 1


def test_a_plain_wall_is_like_itself_in_the_next_picture() -> None:
    """Its noise is no pattern: a suppression of something plain must hold."""
    random = np.random.default_rng(3)
    walls = [
        np.clip(random.normal(60, 4, (240, 320, 3)), 0, 255).astype(np.uint8) for _ in range(2)
    ]
    first, second = (print_of(wall, Box(0.25, 0.25, 0.5, 0.5)) for wall in walls)
    assert likeness(first, second) >= LEAST_LIKENESS
