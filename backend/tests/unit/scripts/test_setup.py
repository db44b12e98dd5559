"""`setup.sh` and the compose file agree with each other and with the settings."""

import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from backend.cli.project import project_root
from backend.core.config import Settings
from backend.core.config_words import fields_by_key

COMPOSE = project_root() / "docker-compose.prod.yml"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the script, and an environment without settings."""
    shutil.copy(project_root() / "setup.sh", tmp_path)
    monkeypatch.chdir(tmp_path)
    for key in fields_by_key(Settings):
        monkeypatch.delenv(key, raising=False)
    return tmp_path


def set_up(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(folder / "setup.sh"), *arguments],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def written(folder: Path) -> dict[str, str]:
    lines = (folder / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_only_the_owner_can_read_what_is_written(folder: Path) -> None:
    assert set_up(folder).returncode == 0
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    assert sorted(path.name for path in folder.iterdir()) == [".env", "setup.sh"]


def test_passwords_are_long_and_never_the_same(folder: Path) -> None:
    passwords = set()
    for _ in range(2):
        set_up(folder)
        values = written(folder)
        assert (values["POSTGRES_USER"], values["POSTGRES_DB"]) == ("security", "security")
        passwords |= {values["POSTGRES_PASSWORD"], values["REDIS_PASSWORD"]}
        (folder / ".env").unlink()
    assert len(passwords) == 4
    assert all(re.fullmatch("[0-9a-f]{48}", password) for password in passwords)


def test_a_file_that_is_there_stays_as_it_is(folder: Path) -> None:
    (folder / ".env").write_text("API__PORT=8001\n")
    done = set_up(folder)
    assert done.returncode == 1
    assert ".env is there already" in done.stderr
    assert (folder / ".env").read_text() == "API__PORT=8001\n"


def test_a_link_that_leads_nowhere_is_not_followed(folder: Path) -> None:
    (folder / ".env").symlink_to(folder / "elsewhere")
    assert set_up(folder).returncode == 1
    assert not (folder / "elsewhere").exists()


def test_plain_set_up_leaves_the_products_own_servers_in_use(folder: Path) -> None:
    set_up(folder)
    settings = Settings()
    assert settings.database_url is None
    assert settings.redis_url is None


def test_with_compose_the_addresses_have_the_passwords(folder: Path) -> None:
    assert set_up(folder, "--compose").returncode == 0
    settings, values = Settings(), written(folder)
    assert settings.database_url is not None
    assert settings.redis_url is not None
    assert settings.database_url.get_secret_value() == (
        f"postgresql+asyncpg://security:{values['POSTGRES_PASSWORD']}@127.0.0.1:5432/security"
    )
    assert settings.redis_url.get_secret_value() == (
        f"redis://:{values['REDIS_PASSWORD']}@127.0.0.1:6379/0"
    )


def test_an_unknown_option_is_refused_and_help_is_given(folder: Path) -> None:
    assert set_up(folder, "--composed").returncode == 2
    assert "--compose" in set_up(folder, "--help").stdout
    assert not (folder / ".env").exists()


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded = yaml.safe_load(COMPOSE.read_text())
    assert isinstance(loaded, dict)
    return loaded


def test_compose_reads_only_what_set_up_writes(folder: Path) -> None:
    set_up(folder)
    read = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", COMPOSE.read_text()))
    assert read == {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "REDIS_PASSWORD"}
    assert read == set(written(folder))


def test_compose_has_both_servers_pinned_and_on_loopback_only(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"postgres", "redis"}
    for service in services.values():
        assert re.search(r":\d+\.\d+(\.\d+)?$", service["image"])
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert service["healthcheck"]["test"]
        (volume,) = service["volumes"]
        assert volume.partition(":")[0] in compose["volumes"]


def test_compose_starts_with_no_password_of_its_own() -> None:
    text = COMPOSE.read_text()
    for key in ("POSTGRES_PASSWORD", "REDIS_PASSWORD"):
        assert re.search(rf"{key}: \${{{key}:\?.*setup\.sh", text)
