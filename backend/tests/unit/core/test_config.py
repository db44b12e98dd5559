"""The settings: where they come from, what is refused, and how it is said."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from backend.cli.reference_config import env_example
from backend.core.config import (
    Api,
    Settings,
    default_data_folder,
    get_settings,
    half_the_cores,
    system_time_zone,
)
from backend.core.config_words import (
    allowed,
    as_environment,
    default_text,
    fields_by_key,
    is_secret,
)
from backend.core.errors import Invalid
from backend.tests.fixtures.strategies import any_settings


@pytest.fixture(autouse=True)
def fresh_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty folder, and an environment without any setting."""
    monkeypatch.chdir(tmp_path)
    for key in fields_by_key(Settings):
        monkeypatch.delenv(key, raising=False)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def refusal() -> str:
    with pytest.raises(Invalid) as caught:
        get_settings()
    assert caught.value.code == "settings.invalid"
    return str(caught.value)


def test_defaults_are_those_of_the_product() -> None:
    settings = get_settings()

    assert settings.database_url is None
    assert settings.redis_url is None
    assert settings.batch_idle_timeout == timedelta(seconds=30)
    assert settings.event_max == timedelta(minutes=15)
    assert (settings.api.host, settings.api.port) == ("127.0.0.1", 8000)
    assert settings.detector.confidence_threshold == 0.5
    assert settings.redis.prefix == "hsi:"
    assert (settings.logs.level, settings.logs.keep_days) == ("INFO", 7)


def test_get_settings_reads_once_until_the_cache_is_cleared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = get_settings()
    monkeypatch.setenv("API__PORT", "8123")
    assert get_settings() is before
    get_settings.cache_clear()
    assert get_settings().api.port == 8123


def test_settings_cannot_be_changed() -> None:
    settings = get_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.api.port = 1  # type: ignore[misc]


def test_each_place_beats_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = tmp_path / "runtime.env"
    (tmp_path / ".env").write_text(
        f"HSI_RUNTIME_ENV_PATH={runtime}\nAPI__PORT=1001\nREDIS__PREFIX=a:\nLOGS__KEEP_DAYS=1\n"
    )
    runtime.write_text("API__PORT=1002\nREDIS__PREFIX=b:\n")
    monkeypatch.setenv("API__PORT", "1003")

    settings = get_settings()

    assert (settings.api.port, settings.redis.prefix, settings.logs.keep_days) == (1003, "b:", 1)
    assert Settings(api=Api(port=1004)).api.port == 1004


def test_the_environment_decides_which_runtime_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("HSI_RUNTIME_ENV_PATH=/not/there\n")
    (tmp_path / "other.env").write_text("API__PORT=1002\n")
    monkeypatch.setenv("HSI_RUNTIME_ENV_PATH", str(tmp_path / "other.env"))
    assert get_settings().api.port == 1002


def test_a_runtime_file_that_does_not_exist_yet_is_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HSI_RUNTIME_ENV_PATH", "/not/there")
    assert get_settings().api.port == 8000


def test_a_key_without_value_counts_as_not_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("API__PORT=1001\nDETECTOR__MODEL=\n")
    monkeypatch.setenv("API__PORT", "")
    settings = get_settings()
    assert settings.api.port == 1001
    assert settings.detector.model is None


def test_what_compose_reads_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=x\nPOSTGRES_DB=security\nREDIS_PASSWORD=y\n")
    assert get_settings().database_url is None


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [
        ("HSI_DATS", "HSI_DATA"),
        ("API__PROT", "API__PORT"),
        ("INGEST__POLL_SECOND", "INGEST__POLL_SECONDS"),
        ("DETECTOR__CONFIDENCE", "DETECTOR__CONFIDENCE_THRESHOLD"),
        ("REDIS__PREFIXES", "REDIS__PREFIX"),
        ("LOGS__LEVEL__X", "LOGS__LEVEL"),
    ],
)
def test_an_unknown_key_of_ours_is_refused_with_a_suggestion(
    key: str, suggestion: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(key, "1")
    line = refusal()
    assert line.startswith(f"{key} (in the environment): no such setting")
    assert suggestion in line


@pytest.mark.parametrize("key", ["DATABASE_ULR", "TEST_DATABASE_URL", "api__port", "API"])
def test_in_a_file_every_key_must_be_known(key: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"{key}=1\n")
    line = refusal()
    assert line.startswith(key)
    assert "no such setting" in line


def test_what_is_not_ours_in_the_environment_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for key in ("HSI_TEST_TIMEOUT_SCALE", "TEST_DATABASE_URL", "DATA", "API", "POSTGRES_X"):
        monkeypatch.setenv(key, "1")
    assert get_settings() == Settings()


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("API__PORT", "0", "from 1 to 65535"),
        ("API__PORT", "eighty", "from 1 to 65535"),
        ("API__HOST", "0.0.0.0", "no login yet"),  # noqa: S104 - refused
        ("API__HOST", "example.org", "loopback"),
        ("API__ALLOWED_HOSTS", "a b", "host names"),
        ("BATCH_IDLE_TIMEOUT_SECONDS", "30s", "number of seconds greater than 0 and at most 3600"),
        ("BATCH_IDLE_TIMEOUT_SECONDS", "0", "greater than 0"),
        ("EVENT_MAX_SECONDS", "nan", "number of seconds"),
        ("EVENT_MAX_SECONDS", "1e300", "at most 86400"),
        ("INGEST__POLLING", "perhaps", "true or false"),
        ("INGEST__MAX_FILE_BYTES", "50 MB", "whole number"),
        ("INGEST__MEDIA_ROOT", "~nobody-of-that-name/x", "path of a folder"),
        ("DETECTOR__CONFIDENCE_THRESHOLD", "1.01", "from 0 to 1"),
        ("DETECTOR__CONFIDENCE_THRESHOLD", "nan", "from 0 to 1"),
        ("DETECTOR__THREADS", "0", "from 1 to 256"),
        ("DETECTOR__URLS", "gpu-box:8090", "addresses like https://"),
        ("DETECTOR__URLS", "http://a:8090,ftp://b", "addresses like https://"),
        ("DETECTOR__URLS", "http://a:99999", "addresses like https://"),
        ("DETECTOR__URLS", "http://a..b:1", "addresses like https://"),
        ("DETECTOR__URLS", "http://a/x y", "addresses like https://"),
        ("DETECTOR__URLS", "http://a/?x=y", "addresses like https://"),
        ("DETECTOR__TIMEOUT_SECONDS", "0", "number of seconds"),
        ("REDIS__PREFIX", "a *", "letters, digits"),
        ("LOGS__LEVEL", "LOUD", "one of DEBUG, INFO, WARNING, ERROR"),
        ("TIME_ZONE", "Mars/Olympus", "name of a time zone"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key_and_range(
    key: str, value: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(key, value)
    line = refusal()
    assert line.startswith(f"{key} (in the environment): must be ")
    assert expected in line
    assert repr(value) in line
    assert "\n" not in line


@pytest.mark.parametrize("key", ["DATABASE_URL", "REDIS_URL"])
def test_a_secret_is_never_shown(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(key, "mysql://security:canary@localhost/x")
    line = refusal()
    assert line.startswith(f"{key} (in the environment): must be a URL like ")
    assert "canary" not in line


@pytest.mark.parametrize("key", ["short-canary", "a canary that has spaces", "canary-with-ümlauts"])
def test_a_key_that_is_none_is_refused_and_not_shown(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETECTOR__API_KEY", key)
    line = refusal()
    assert line.startswith("DETECTOR__API_KEY (in the environment): must be 16 letters")
    assert "canary" not in line


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("http://user:canary@a:8090", "'***@a:8090'"),
        ("user:canary@a", "'***@a'"),
        ("http://b,http://user:can/ary,@a", "'***@a'"),
    ],
)
def test_a_password_in_an_address_is_refused_and_not_shown(
    value: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETECTOR__URLS", value)
    assert refusal().endswith(f"separated by commas, not {shown}")


def test_addresses_of_the_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "DETECTOR__URLS",
        "https://gpu-box:8090/, http://10.0.0.7/behind/a/proxy, https://gpu-box:8090",
    )
    assert get_settings().detector.urls == (
        "https://gpu-box:8090",
        "http://10.0.0.7/behind/a/proxy",
    )


def test_secrets_are_hidden_in_the_settings_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://security:canary@localhost/security")
    assert "canary" not in repr(get_settings())


def test_every_problem_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("API__PORT=0\n")
    monkeypatch.setenv("HSI_DATS", "x")
    lines = refusal().splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "API__PORT (in .env)",
        "HSI_DATS (in the environment)",
    ]


def test_the_foscam_path_is_another_name_of_the_media_root(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FOSCAM_BASE_PATH", "/cameras")
    assert get_settings().media_root == Path("/cameras")


def test_two_names_with_two_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOSCAM_BASE_PATH", "/cameras")
    monkeypatch.setenv("INGEST__MEDIA_ROOT", "/cameras")
    assert get_settings().media_root == Path("/cameras")
    monkeypatch.setenv("INGEST__MEDIA_ROOT", "/elsewhere")
    get_settings.cache_clear()
    assert "INGEST__MEDIA_ROOT and FOSCAM_BASE_PATH are one setting" in refusal()


def test_the_media_root_lies_in_the_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HSI_DATA", "/somewhere")
    assert get_settings().media_root == Path("/somewhere/cameras")


def test_paths_hold_whatever_folder_a_process_starts_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("HSI_DATA", "data")
    monkeypatch.setenv("DETECTOR__MODEL", "~/model.onnx")
    settings = get_settings()
    assert settings.data == tmp_path / "data"
    assert settings.detector.model == Path("/home/somebody/model.onnx")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_a_database_url_in_any_usual_form_is_taken(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{scheme}://u:p@h/d")
    url = get_settings().database_url
    assert url is not None
    assert url.get_secret_value() == "postgresql+asyncpg://u:p@h/d"


def test_a_mirror_is_a_web_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert get_settings().models.base_url is None
    get_settings.cache_clear()
    monkeypatch.setenv("MODELS__BASE_URL", "http://mirror.example/models")
    assert get_settings().models.base_url == "http://mirror.example/models"
    get_settings.cache_clear()
    for none in ("file:///etc", "http://[::1", "http://a:b/", "http://a..b/"):
        monkeypatch.setenv("MODELS__BASE_URL", none)
        assert refusal().startswith("MODELS__BASE_URL (in the environment): must be a URL")


def test_a_line_that_is_no_setting_is_refused_with_its_number(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("API__PORT=1001\n= what\n")
    assert refusal() == ".env: line 2 is not KEY=value"


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"API__PORT=\xff\n")
    assert refusal().startswith(".env: cannot be read as settings")


@pytest.mark.parametrize(
    ("uid", "xdg", "folder"),
    [
        (0, "/xdg", "/var/lib/hsi"),
        (1000, "/xdg", "/xdg/hsi"),
        (1000, "", "/home/somebody/.local/share/hsi"),
        (1000, "relative", "/home/somebody/.local/share/hsi"),
    ],
)
def test_the_data_folder_is_where_its_user_expects_it(
    uid: int, xdg: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("XDG_DATA_HOME", xdg)
    assert default_data_folder() == Path(folder)


@pytest.mark.parametrize(
    ("tz", "name"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        (":Europe/Berlin", "Europe/Berlin"),
        ("/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "UTC"),
        ("/etc/passwd", "UTC"),
    ],
)
def test_the_time_zone_is_the_systems(tz: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", tz)
    assert system_time_zone() == ZoneInfo(name)


def test_threads_are_half_of_the_cores_at_least_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    assert half_the_cores() == 4
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3})
    assert half_the_cores() == 1


def test_every_setting_is_described_and_its_range_and_default_can_be_said() -> None:
    for key, field in fields_by_key(Settings).items():
        assert field.description, key
        assert field.description.endswith("."), key
        assert allowed(field) != "a text", key
        if default_text(field):
            assert not is_secret(field), key


def read_under(environment: Mapping[str, str]) -> Settings:
    with pytest.MonkeyPatch.context() as patch:
        for key, text in environment.items():
            patch.setenv(key, text)
        return Settings()


@given(any_settings)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_settings_survive_being_written_and_read(settings: Settings) -> None:
    assert read_under(as_environment(settings)) == settings


@given(any_settings, st.sampled_from(["{}", "'{}'", '"{}"', " {}  # why", "{} # why"]))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_settings_survive_the_file_that_the_documentation_shows(
    settings: Settings, style: str
) -> None:
    texts = as_environment(settings)
    lines = env_example(Settings).splitlines()
    for key, text in texts.items():
        (at,) = (n for n, line in enumerate(lines) if line.startswith(f"# {key}="))
        lines[at] = f"{key}={style.format(text)}"
    Path(".env").write_text("\n".join(lines))
    assert Settings() == settings


def test_the_defaults_that_the_documentation_shows_are_the_defaults() -> None:
    keys = "|".join(fields_by_key(Settings))
    example = re.sub(rf"(?m)^# (?=({keys})=)", "", env_example(Settings))
    defaults = Settings()
    Path(".env").write_text(example)
    assert Settings() == defaults
    Path(".env").write_text(example.replace("API__PORT=8000", "API__PORT=8001"))
    assert Settings().api.port == 8001
