"""Whose requests are answered."""

import pytest

from backend.api.hosts import is_ours, is_same_origin

ALLOWED = frozenset({"hsi.example"})


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8000",
        "127.0.0.1",
        "127.0.0.1:8000",
        "127.8.9.10:1",
        "[::1]",
        "[::1]:8000",
        "hsi.example",
        "HSI.example:443",
    ],
)
def test_loopback_and_allowed_hosts_are_ours(host: str) -> None:
    assert is_ours(host, ALLOWED)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:8000",
        "192.168.1.5",
        "0.0.0.0",  # noqa: S104 - refused
        "[::]",
        "::1",
        "127.0.0.1:port",
        "127.0.0.1:",
        "127.0.0.1@evil.example",
        "127.1",
        "2130706433",
        "sub.hsi.example",
        "localhost.",
        "local host",
    ],
)
def test_others_are_not(host: str) -> None:
    assert not is_ours(host, ALLOWED)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
        ("http://LocalHost:8000", "localhost:8000"),
        ("http://localhost", "localhost:80"),
        ("https://localhost", "localhost"),
        ("https://hsi.example", "127.0.0.1:8000"),
        ("https://hsi.example:8443", "127.0.0.1:8000"),
    ],
)
def test_a_page_of_our_own_may(origin: str, host: str) -> None:
    assert is_same_origin(origin, host, ALLOWED)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("null", "127.0.0.1:8000"),
        ("", "127.0.0.1:8000"),
        ("http://evil.example", "127.0.0.1:8000"),
        ("http://127.0.0.1:3000", "127.0.0.1:8000"),
        ("http://127.0.0.1", "127.0.0.1:8000"),
        ("http://localhost:8000", "127.0.0.1:8000"),
        ("http://127.0.0.1:8000.evil.example", "127.0.0.1:8000"),
        ("http://127.0.0.1:8000/", "127.0.0.1:8000"),
        ("file://127.0.0.1:8000", "127.0.0.1:8000"),
        ("127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://hsi.example.evil.example", "hsi.example"),
    ],
)
def test_a_foreign_page_may_not(origin: str, host: str) -> None:
    assert not is_same_origin(origin, host, ALLOWED)
