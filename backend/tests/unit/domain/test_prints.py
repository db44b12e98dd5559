"""How alike are two prints?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.prints import LENGTH, NO_COLOUR, blended, likeness

prints = st.binary(min_size=LENGTH, max_size=LENGTH)
COLOURLESS = bytes(range(32)) + bytes([NO_COLOUR] * 16) + bytes([16] * 16)


@given(prints, prints)
def test_likeness_is_a_share_and_the_same_both_ways(a: bytes, b: bytes) -> None:
    assert 0 <= likeness(a, b) <= 1
    assert likeness(a, b) == likeness(b, a)


@given(prints | st.integers(0, 255).map(lambda byte: bytes([byte]) * LENGTH))
def test_a_print_is_like_itself(print_: bytes) -> None:
    assert likeness(print_, print_) == pytest.approx(1)


def test_what_has_no_pattern_is_unlike_what_has_one() -> None:
    flat = bytes([128] * 32) + COLOURLESS[32:]
    chequered = bytes([70, 190] * 16) + COLOURLESS[32:]
    assert likeness(flat, chequered) < 0.6 < likeness(flat, flat)


def test_a_missing_print_proves_nothing() -> None:
    assert likeness(b"", COLOURLESS) == likeness(COLOURLESS, b"") == 0.6


def test_infrared_sees_no_colours_and_they_do_not_count() -> None:
    red = COLOURLESS[:32] + bytes([NO_COLOUR - 20, NO_COLOUR + 60] * 8) + COLOURLESS[48:]
    blue = COLOURLESS[:32] + bytes([NO_COLOUR + 60, NO_COLOUR - 20] * 8) + COLOURLESS[48:]
    assert likeness(red, COLOURLESS) == pytest.approx(1)
    assert likeness(red, blue) < 0.7


@given(prints, prints, st.floats(0, 1))
def test_what_is_blended_lies_between(a: bytes, b: bytes, share: float) -> None:
    middle = blended(a, b, share)
    assert all(min(x, y) <= z <= max(x, y) for x, y, z in zip(a, b, middle, strict=True))
    assert (blended(a, b, 0), blended(a, b, 1)) == (a, b)


@pytest.mark.parametrize(("old", "new"), [(b"", COLOURLESS), (COLOURLESS, b"")])
def test_what_is_missing_is_not_blended(old: bytes, new: bytes) -> None:
    assert blended(old, new, 0.5) == COLOURLESS
