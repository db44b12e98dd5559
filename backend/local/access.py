"""How a server of our own is reached: kept in its folder, so that it is the same next time."""

import errno
import json
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from backend.core.content_store import write_whole
from backend.core.errors import Unavailable


@dataclass(slots=True)
class Access:
    """A port on 127.0.0.1, and the passwords."""

    port: int
    password: str
    admin_password: str

    @classmethod
    def kept_in(cls, file: Path) -> Self:
        """What the file holds; where there is none, new passwords and a free port."""
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            access = cls(free_port(), secrets.token_urlsafe(24), secrets.token_urlsafe(24))
            access.keep(file)
            return access
        except (ValueError, TypeError) as error:
            raise Unavailable(
                f"{file} is damaged: restore it from a backup of the data folder",
                code="local.access_damaged",
            ) from error

    def keep(self, file: Path) -> None:
        """Write it to the file, for its owner alone."""
        write_whole(file, json.dumps(asdict(self)).encode(), mode=0o600)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there. Raises Unavailable where one may not listen at all."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise Unavailable(
                f"cannot listen on port {port} of {host}: {error.strerror}", code="port.refused"
            ) from error
    return True
