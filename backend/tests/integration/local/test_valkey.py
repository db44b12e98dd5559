"""The embedded Valkey, really started."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from backend.local.process import holders
from backend.local.valkey import EmbeddedValkey

pytestmark = pytest.mark.slow


@pytest.fixture
def valkey(server_folder: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(server_folder / "valkey")
    server.start()
    yield server
    server.stop()


def test_opens_with_the_password_only(valkey: EmbeddedValkey) -> None:
    with Redis.from_url(valkey.url) as right:
        assert right.ping() is True
    address = valkey.url.rpartition("@")[2]
    for wrong in (f"redis://{address}", f"redis://:wrong@{address}"):
        with Redis.from_url(wrong) as client, pytest.raises(AuthenticationError):
            client.ping()


def test_it_is_configured_as_a_doorbell(valkey: EmbeddedValkey) -> None:
    with Redis.from_url(valkey.url, decode_responses=True) as client:
        got = client.config_get("bind", "appendonly", "save", "maxmemory-policy")
    assert got == {
        "bind": "127.0.0.1",
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
    }


def test_the_password_is_for_the_owner_alone(valkey: EmbeddedValkey, server_folder: Path) -> None:
    assert stat.S_IMODE((server_folder / "valkey/access.json").stat().st_mode) == 0o600
    password = valkey.url.split(":")[2].partition("@")[0]
    process = Path(f"/proc/{valkey.process.pid}")
    seen = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    assert password.encode() not in seen + (server_folder / "valkey/server.log").read_bytes()


def test_a_stream_outlives_a_kill(valkey: EmbeddedValkey) -> None:
    with Redis.from_url(valkey.url) as client:
        client.xadd("bell", {"camera": "1"})
        client.execute_command("WAITAOF", 1, 0, 5000)
    valkey.process.kill()
    url = valkey.url
    assert valkey.start() == url
    with Redis.from_url(valkey.url) as client:
        assert client.xlen("bell") == 1


def test_damage_is_put_aside(valkey: EmbeddedValkey, server_folder: Path) -> None:
    with Redis.from_url(valkey.url) as client:
        client.set("word", "value")
        client.execute_command("WAITAOF", 1, 0, 5000)
    valkey.stop()
    data = server_folder / "valkey/data"
    [log] = (data / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(b"no commands at all\r\n" * 9)
    valkey.start()
    with Redis.from_url(valkey.url) as client:
        assert client.get("word") is None
    assert (data / "damaged-1").is_dir()


def test_an_old_server_in_the_folder_is_ended(valkey: EmbeddedValkey, server_folder: Path) -> None:
    second = EmbeddedValkey(server_folder / "valkey")
    second.start()
    assert valkey.process.wait(1) == 0
    assert holders(server_folder / "valkey/data", ["valkey-server"]) == [second.process.pid]
    second.stop()
    assert holders(server_folder / "valkey/data", ["valkey-server"]) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change the user")
def test_root_runs_it_as_another_user(valkey: EmbeddedValkey) -> None:
    assert Path(f"/proc/{valkey.process.pid}").stat().st_uid != 0
