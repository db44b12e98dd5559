"""Bodies of several parts, taken apart byte for byte."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai.detector.multipart import parts_of
from backend.core.errors import Invalid


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4))
def test_what_a_client_packs_comes_out(contents: list[bytes]) -> None:
    request = httpx.Request(
        "POST", "http://x", files=[("picture", ("p.jpg", content)) for content in contents]
    )
    assert parts_of(request.read(), request.headers["Content-Type"], most=8) == contents


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\nhalf", "multipart/form-data; boundary=x"),
        (b"--x\r\nno end of headers\r\n--x--", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\nwhole\r\n--x--", "multipart/form-data"),
        (b"--x\r\n\r\nwhole\r\n--x--", "multipart/form-data; boundary=y"),
        (b"--x\r\n\r\nwhole\r\n--x--", "multipart/mixed; boundary=x"),
    ],
)
def test_what_is_none_is_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(Invalid) as caught:
        parts_of(body, content_type, most=8)
    assert caught.value.code == "body.multipart"


def test_more_parts_than_are_wanted_are_not_even_cut() -> None:
    body = b"\r\n--a" * 1_000_000
    with pytest.raises(Invalid, match="at most 8 pictures") as caught:
        parts_of(body, "multipart/form-data; boundary=a", most=8)
    assert caught.value.code == "body.number"


def test_a_boundary_in_quotes_and_words_before_the_first_part() -> None:
    body = b"before\r\n--a b\r\nX: y\r\n\r\none\r\n--a b\r\n\r\n\r\n--a b--\r\nafter"
    assert parts_of(body, 'multipart/form-data; charset=x; boundary="a b"', most=2) == [b"one", b""]
