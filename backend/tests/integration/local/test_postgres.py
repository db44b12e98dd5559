"""The embedded PostgreSQL, really started."""

import os
import pwd
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url

from backend.core.errors import Conflict, Unavailable
from backend.local.postgres import EmbeddedPostgres
from backend.local.process import holders
from backend.tests.fixtures.waiting import is_gone, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def postgres(server_folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(server_folder / "postgres", durable=False)
    server.start()
    yield server
    server.stop()


async def ask(url: str, query: str, **changes: Any) -> object:
    address = make_url(url).set(drivername="postgresql", **changes)
    connection = await asyncpg.connect(address.render_as_string(hide_password=False), timeout=5)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_opens_with_the_password_only(postgres: EmbeddedPostgres) -> None:
    assert await ask(postgres.url, "SELECT current_user || '@' || current_database()") == "hsi@hsi"
    for wrong in ("", "wrong"):
        for user in ("hsi", "postgres"):
            with pytest.raises(asyncpg.InvalidPasswordError):
                await ask(postgres.url, "SELECT 1", username=user, password=wrong)


async def test_every_way_in_asks_for_a_password(
    postgres: EmbeddedPostgres, server_folder: Path
) -> None:
    rules = (server_folder / "postgres/data/pg_hba.conf").read_text().splitlines()
    methods = {rule.split()[-1] for rule in rules if rule and not rule.startswith("#")}
    assert methods == {"scram-sha-256"}
    assert await ask(postgres.admin_url, "SHOW unix_socket_directories") == ""
    assert await ask(postgres.admin_url, "SHOW listen_addresses") == "127.0.0.1"


async def test_the_product_is_no_superuser(postgres: EmbeddedPostgres) -> None:
    assert await ask(postgres.url, "SELECT rolsuper FROM pg_roles WHERE rolname='hsi'") is False
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await ask(postgres.url, "COPY pg_class TO PROGRAM 'cat'")


def test_the_passwords_are_for_the_owner_alone(
    postgres: EmbeddedPostgres, server_folder: Path
) -> None:
    file = server_folder / "postgres/access.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((server_folder / "postgres/data").stat().st_mode) == 0o700
    assert not (server_folder / "postgres/password.new").exists()
    secrets = [make_url(url).password for url in (postgres.url, postgres.admin_url)]
    seen = Path(f"/proc/{postgres.process.pid}/cmdline").read_text()
    seen += (server_folder / "postgres/server.log").read_text()
    assert not any(str(secret) in seen for secret in secrets)


async def test_rows_outlive_a_kill(server_folder: Path) -> None:
    server = EmbeddedPostgres(server_folder / "postgres")
    url = server.start()
    await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.process.kill()
    assert server.start() == url
    assert await ask(url, "SELECT answer FROM kept") == 42
    server.stop()


async def test_a_taken_port_is_changed(server_folder: Path) -> None:
    folder = server_folder / "postgres"
    first = EmbeddedPostgres(folder, durable=False)
    url = make_url(first.start())
    first.stop()
    with socket.create_server(("127.0.0.1", url.port or 0)):
        second = EmbeddedPostgres(folder, durable=False)
        again = make_url(second.start())
    assert again.port != url.port
    assert await ask(second.url, "SELECT 1") == 1
    second.stop()


async def test_an_old_server_in_the_folder_is_ended(
    postgres: EmbeddedPostgres, server_folder: Path
) -> None:
    old = postgres.process.pid
    second = EmbeddedPostgres(server_folder / "postgres", durable=False)
    second.start()
    assert postgres.process.wait(1) == 0
    assert second.process.pid != old
    assert await ask(second.url, "SELECT 1") == 1
    second.stop()


def test_a_strangers_number_in_the_pid_file_does_not_matter(server_folder: Path) -> None:
    """After a power cut the number may be that of another process of the same user."""
    server = EmbeddedPostgres(server_folder / "postgres", durable=False)
    server.start()
    file = server_folder / "postgres/data/postmaster.pid"
    lines = file.read_text().splitlines()
    server.stop()
    file.write_text("\n".join([str(os.getppid()), *lines[1:]]))
    server.start()
    server.stop()


def test_a_first_start_that_was_cut_short_is_made_good(server_folder: Path) -> None:
    unfinished = server_folder / "postgres/data.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(server_folder / "postgres", durable=False)
    server.start()
    server.stop()
    assert not unfinished.exists()


def test_stopping_leaves_no_process(postgres: EmbeddedPostgres, server_folder: Path) -> None:
    data = server_folder / "postgres/data"
    assert len(holders(data, ["postgres"])) > 1
    postgres.stop()
    assert holders(data, ["postgres"]) == []


def test_data_of_another_version_is_refused(server_folder: Path) -> None:
    data = server_folder / "postgres/data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(Conflict, match="made by PostgreSQL 16, this is 18") as caught:
        EmbeddedPostgres(server_folder / "postgres").start()
    assert "\n" not in str(caught.value)
    assert caught.value.code == "database.other_version"


def test_a_server_that_does_not_start_tells_why(server_folder: Path) -> None:
    server = EmbeddedPostgres(server_folder / "postgres", durable=False)
    server.start()
    server.stop()
    (server_folder / "postgres/data/postgresql.conf").write_text("max_connections = many\n")
    with pytest.raises(Unavailable, match="contains errors") as caught:
        server.start()
    assert "\n" not in str(caught.value)
    assert str(server_folder / "postgres/server.log") in str(caught.value)


@pytest.mark.parametrize(
    ("spoilt", "code"),
    [
        (None, "database.access_lost"),
        ("{", "local.access_damaged"),
        ('{"port": 1, "password": "x", "admin_password": "y"}', "database.access_lost"),
    ],
)
def test_a_lost_password_is_told(server_folder: Path, spoilt: str | None, code: str) -> None:
    folder = server_folder / "postgres"
    first = EmbeddedPostgres(folder, durable=False)
    port = make_url(first.start()).port
    first.stop()
    access = folder / "access.json"
    access.unlink()
    if spoilt is not None:
        access.write_text(spoilt.replace(": 1,", f": {port},"))
    with pytest.raises(Unavailable, match=r"access\.json") as caught:
        EmbeddedPostgres(folder, durable=False).start()
    assert caught.value.code == code
    assert holders(folder / "data", ["postgres"]) == []


def test_an_unfinished_shutdown_ends_in_a_kill(postgres: EmbeddedPostgres) -> None:
    process = postgres.process
    process.send_signal(signal.SIGSTOP)
    postgres.stop()
    wait_for(lambda: is_gone(process.pid))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change the user")
def test_root_runs_it_as_another_user(postgres: EmbeddedPostgres, server_folder: Path) -> None:
    owner = Path(f"/proc/{postgres.process.pid}").stat().st_uid
    assert pwd.getpwuid(owner).pw_name in {"postgres", "nobody"}
    assert (server_folder / "postgres/data").stat().st_uid == owner


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change the user")
def test_a_folder_closed_to_the_other_user_is_told(server_folder: Path) -> None:
    server_folder.chmod(0o700)
    with pytest.raises(Unavailable) as caught:
        EmbeddedPostgres(server_folder / "postgres").start()
    assert "\n" not in str(caught.value)
