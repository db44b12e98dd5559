"""Whose requests are answered: `Host` must be ours, and `Origin` the page's own.

There is no login yet, and any web page that is open in the owner's browser can reach loopback. The
check of `Host` stops a page whose name was made to point here; that of `Origin` stops a page from
changing something, or listening, where it could not read the answer.
"""

import ipaddress
import re
from collections.abc import Collection

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?")
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>.+)")
_DEFAULT_PORTS = {"http": 80, "https": 443}

Place = tuple[str, int | None]
"""A host name in lower case, and a port where one was named."""


def place_of(host: str) -> Place | None:
    """What a `Host` header names; None where it is no host."""
    match = _HOST.fullmatch(host)
    if match is None:
        return None
    return match["name"].lower(), int(match["port"]) if match["port"] else None


def is_ours(host: str, allowed: Collection[str]) -> bool:
    """Whether a `Host` header names this machine's loopback, or an allowed host; any port."""
    place = place_of(host)
    return place is not None and (place[0] in allowed or _is_loopback(place[0]))


def is_same_origin(origin: str, host: str, allowed: Collection[str]) -> bool:
    """Whether an `Origin` header names the very host and port of `Host`, or an allowed host."""
    match = _ORIGIN.fullmatch(origin)
    place = place_of(match["host"]) if match else None
    if match is None or place is None:
        return False
    if place[0] in allowed:
        return True
    asked = place_of(host)
    default = _DEFAULT_PORTS[match["scheme"]]
    return asked is not None and (place[0], place[1] or default) == (asked[0], asked[1] or default)


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
