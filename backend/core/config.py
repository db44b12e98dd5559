"""The settings: read once, checked, never changed afterwards.

Each one is named by a key, `DATABASE_URL` or `API__PORT`, which may stand in `.env`, in the
run-time file, or in the environment (`config_text.py`). Only the entry points, `wiring` and
`local` read them; everything else is given plain values.
"""

import ipaddress
import math
import os
import re
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from backend.core.config_text import Text, read_texts
from backend.core.config_words import Words, fields_by_key, problems
from backend.core.errors import Invalid

_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


def default_data_folder() -> Path:
    """`/var/lib/hsi` for root; for others the user's own data folder, as XDG places it."""
    if os.geteuid() == 0:
        return Path("/var/lib/hsi")
    base = os.environ.get("XDG_DATA_HOME", "")
    if base.startswith("/"):
        return Path(base) / "hsi"
    try:
        return Path.home() / ".local" / "share" / "hsi"
    except RuntimeError as error:
        raise Invalid(
            "HSI_DATA: must name the data folder, since this user has no home",
            code="settings.invalid",
        ) from error


def system_time_zone() -> ZoneInfo:
    """The machine's own time zone, as `TZ` or `/etc/localtime` says it; else UTC."""
    name = os.environ.get("TZ", "").removeprefix(":") or str(Path("/etc/localtime").resolve())
    try:
        return ZoneInfo(name.partition("/zoneinfo/")[2] or name)
    except (KeyError, ValueError, OSError):  # a rule such as CET-1CEST, or a file that has no name
        return ZoneInfo("UTC")


def half_the_cores() -> int:
    """Half of the cores that this process may use, at least one."""
    return max(1, len(os.sched_getaffinity(0)) // 2)


def _seconds(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        seconds = float(value)
        if math.isfinite(seconds) and abs(seconds) < 1e9:
            return timedelta(seconds=seconds)
    raise ValueError("not a number of seconds")


def _absolute(path: Path) -> Path:
    """The path whatever folder a process starts in; `~` is the home."""
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise ValueError("no such home") from error


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _loopback(host: str) -> str:
    if host == "localhost" or ipaddress.ip_address(host).is_loopback:
        return host
    raise ValueError("not a loopback address")


def _host_name(name: str) -> str:
    if not _HOST_NAME.fullmatch(name):
        raise ValueError("not a host name")
    return name.lower()


def _database_url(url: SecretStr) -> SecretStr:
    scheme, separator, rest = url.get_secret_value().partition("://")
    if not separator or not rest or scheme not in {"postgresql+asyncpg", "postgresql", "postgres"}:
        raise ValueError("not a PostgreSQL URL")
    return SecretStr(f"postgresql+asyncpg://{rest}")


def _redis_url(url: SecretStr) -> SecretStr:
    if not re.match(r"(rediss?|unix)://.", url.get_secret_value()):
        raise ValueError("not a Redis URL")
    return url


def _detector_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("not an HTTP address")
    if "@" in parts.netloc or parts.query or parts.fragment:  # a password would be shown by health
        raise ValueError("more than an address")
    _check_place(parts)
    if re.search(r"\s", url):
        raise ValueError("a space in an address")
    return url.rstrip("/")


def _check_place(parts: SplitResult) -> None:
    """Raise ValueError for what is no port, or a host for which no resolver could be asked."""
    _ = parts.port
    (parts.hostname or "").encode("idna")


def _each_once(urls: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(urls))


def _key(key: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z0-9._~+/-]{16,}=*", key.get_secret_value()):  # as in RFC 6750
        raise ValueError("not a key")
    return key


def _web_address(url: str | None) -> str | None:
    if url is None:
        return None
    if not re.fullmatch(r"https?://[^\s/]\S*", url):
        raise ValueError("not a web address")
    _check_place(urlsplit(url))
    return url


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


Seconds = Annotated[timedelta, BeforeValidator(_seconds)]
Folder = Annotated[Path, AfterValidator(_absolute), Words("the path of a folder")]
File = Annotated[Path, AfterValidator(_absolute), Words("the path of a file")]
DetectorUrl = Annotated[str, AfterValidator(_detector_url)]
HostName = Annotated[str, AfterValidator(_host_name)]
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class _Group(BaseModel):
    """Settings that share a prefix; each is named in capitals."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=str.upper, validate_by_name=True
    )


class Api(_Group):
    """Where the HTTP server listens."""

    host: Annotated[
        str,
        AfterValidator(_loopback),
        Words(
            "a loopback address (127.0.0.1, ::1 or localhost), "
            "since there is no login yet and whoever reaches the port sees everything"
        ),
    ] = Field("127.0.0.1", description="Address that the HTTP server listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port that the HTTP server listens on.")
    allowed_hosts: Annotated[
        tuple[HostName, ...], BeforeValidator(_split), Words("host names separated by commas")
    ] = Field(
        (),
        description="Names, beside the loopback ones, under which a proxy on this machine passes "
        "requests on. A request for any other `Host` is refused.",
    )


class Ingest(_Group):
    """How pictures come in."""

    media_root: Annotated[Folder | None, Words(default="`cameras` in the data folder")] = Field(
        None,
        description="Folder with one sub-folder for each camera. `FOSCAM_BASE_PATH` is another "
        "name of this setting.",
    )
    polling: bool = Field(
        False,
        description="Look for new files at intervals instead of waiting for the kernel to tell. "
        "Network shares need it.",
    )
    poll_interval: Seconds = Field(
        timedelta(seconds=10),
        alias="POLL_SECONDS",
        gt=timedelta(0),
        le=timedelta(hours=1),
        description="Time between two looks at a folder that is polled.",
    )
    remove_after_import: bool = Field(
        False, description="Delete a camera's file once its picture is kept in the data folder."
    )
    max_file_bytes: int = Field(
        50_000_000, ge=1_000, le=1_000_000_000, description="A larger file is quarantined. Bytes."
    )
    max_pixels: int = Field(
        50_000_000,
        ge=1_000,
        le=500_000_000,
        description="A picture with more pixels (width times height) is quarantined.",
    )
    flood_after: int = Field(
        1000,
        ge=16,
        le=1_000_000,
        description="While more than so many pictures of one camera have piled up, though pictures "
        "are looked at, only one of each second is. The others are kept, and counted as skipped.",
    )


class Detector(_Group):
    """What looks at the pictures."""

    model: File | None = Field(
        None,
        description="ONNX file of the detector. Without one it is the model that `hsi models use` "
        "named; where none is in use, the product sees motion only.",
    )
    confidence_threshold: float = Field(
        0.5, ge=0, le=1, description="A detection less certain than this is dropped."
    )
    threads: Annotated[int, Words(default="half the cores")] = Field(
        default_factory=half_the_cores,
        ge=1,
        le=256,
        description="Threads that one inference uses.",
    )
    runtime: Literal["auto", "onnxruntime", "openvino"] = Field(
        "auto",
        description="What runs the model. `auto`: ONNX Runtime, or OpenVINO where that is "
        "installed, answers alike and is faster here, which is measured once.",
    )
    urls: Annotated[
        tuple[DetectorUrl, ...],
        BeforeValidator(_split),
        AfterValidator(_each_once),
        Words("addresses like https://gpu-box:8090, separated by commas"),
    ] = Field(
        (),
        description="Where the detector's service runs, instead of a model in the worker "
        "(`docs/guide/detector-service.md`).",
    )
    api_key: Annotated[
        Annotated[SecretStr, AfterValidator(_key)] | None,
        Words("16 letters, digits or any of `-` `.` `_` `~` `+` `/`, or more"),
    ] = Field(None, description="The key that the detector's service wants to be shown.")
    ca_file: File | None = Field(
        None, description="Certificates that are trusted to be those of the detector's service."
    )
    timeout: Seconds = Field(
        timedelta(seconds=30),
        alias="TIMEOUT_SECONDS",
        ge=timedelta(seconds=0.1),
        le=timedelta(minutes=10),
        description="How long the detector, be it a model or a service, may take for one picture.",
    )
    sight: int = Field(
        640,
        ge=64,
        le=4096,
        description="The longer side, in pixels, that the detector's service makes use of: "
        "pictures are sent to it no larger than twice that.",
    )


class Models(_Group):
    """Where detectors' files are fetched."""

    base_url: Annotated[
        str | None, AfterValidator(_web_address), Words("a URL like https://mirror.example/models")
    ] = Field(
        None,
        description="Mirror that has the files of `hsi models pull`, each under the path that it "
        "has at its own site.",
    )
    auto_download: Annotated[bool | None, Words(default="`hsi up` asks once")] = Field(
        None,
        description="Whether a worker fetches RT-DETRv2-S and uses it, where no model was chosen "
        "or added yet. `false` also forbids what was answered to the question of `hsi up`.",
    )


class Privacy(_Group):
    """What of the pictures may be seen."""

    originals_for_owner: bool = Field(
        False,
        description="Serve the cameras' own files at `/api/frames/{id}/original`, also what "
        "privacy masks cover. There is no login yet: whoever reaches the API then sees it.",
    )


class Redis(_Group):
    """How Redis is used."""

    prefix: Annotated[
        str, Words("1 to 64 letters, digits and any of `:` `.` `_` `-`, without spaces")
    ] = Field(
        "hsi:",
        pattern=r"^[A-Za-z0-9:._-]{1,64}$",
        description="Every key and channel begins with it, so that a server can be shared.",
    )


class Logs(_Group):
    """What is logged, and for how long it is kept."""

    level: Annotated[Level, BeforeValidator(_upper)] = Field(
        "INFO", description="The least serious message that is written."
    )
    keep_days: int = Field(7, ge=1, le=365, description="Days after which a log file is deleted.")


class Settings(BaseSettings):
    """All settings. Made without arguments it reads them; an argument beats every place.

    Raises pydantic's ValidationError; `get_settings` raises `Invalid` with one readable line for
    each problem.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=str.upper,
        validate_by_name=True,
    )

    database_url: Annotated[
        Annotated[SecretStr, AfterValidator(_database_url)] | None,
        Words("a URL like postgresql+asyncpg://user:password@host:5432/name"),
    ] = Field(None, description="PostgreSQL to use. Without it, `hsi up` runs one of its own.")
    redis_url: Annotated[
        Annotated[SecretStr, AfterValidator(_redis_url)] | None,
        Words("a URL like redis://:password@host:6379/0"),
    ] = Field(None, description="Redis or Valkey to use. Without it, `hsi up` runs one of its own.")
    data: Annotated[
        Folder,
        Words(default="`$XDG_DATA_HOME/hsi`, else `~/.local/share/hsi`; root: `/var/lib/hsi`"),
    ] = Field(
        default_factory=default_data_folder,
        alias="HSI_DATA",
        description="Folder for everything that the product keeps: pictures, database, logs.",
    )
    runtime_env_path: File | None = Field(
        None,
        alias="HSI_RUNTIME_ENV_PATH",
        description="File of settings, in the form of `.env`, that an administrator changes while "
        "the product is installed. It beats `.env`; the environment beats it.",
    )
    time_zone: Annotated[
        ZoneInfo, Words("the name of a time zone, like Europe/Berlin", default="the system's")
    ] = Field(
        default_factory=system_time_zone,
        description="Time zone of cameras whose pictures do not say theirs.",
    )
    batch_idle_timeout: Seconds = Field(
        timedelta(seconds=30),
        alias="BATCH_IDLE_TIMEOUT_SECONDS",
        gt=timedelta(0),
        le=timedelta(hours=1),
        description="An event closes this long after its last detection.",
    )
    event_max: Seconds = Field(
        timedelta(seconds=900),
        alias="EVENT_MAX_SECONDS",
        gt=timedelta(0),
        le=timedelta(days=1),
        description="After this long, a new event continues an event that does not end.",
    )
    api: Api = Api()
    ingest: Ingest = Ingest()
    detector: Detector = Field(default_factory=Detector)
    models: Models = Models()
    privacy: Privacy = Privacy()
    redis: Redis = Redis()
    logs: Logs = Logs()

    @property
    def media_root(self) -> Path:
        """The folder with one sub-folder for each camera: as set, else in the data folder."""
        return self.ingest.media_root or self.data / "cameras"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the caller's signature
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then our three places, whose rules pydantic's own sources lack."""
        return init_settings, _Places(settings_cls)


class _Places(PydanticBaseSettingsSource):
    """The three places as one source."""

    def __call__(self) -> dict[str, Any]:
        fields = fields_by_key(self.settings_cls)
        values: dict[str, Any] = {}
        for key, text in _texts(fields).items():
            group, separator, name = key.partition("__")
            if separator and key in fields:
                values.setdefault(group, {})[name] = text.value
            else:
                values[key if key in fields else _refused(key)] = text.value
        return values

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Not used: the values are given all at once."""
        raise NotImplementedError


def _refused(key: str) -> str:
    """A name that no field has, so that pydantic refuses it: a group alone is no setting."""
    return f"{key}__" if key.lower() in Settings.model_fields else key


def _texts(fields: dict[str, FieldInfo]) -> dict[str, Text]:
    return read_texts(fields.keys(), env_file=Path(".env"), environment=os.environ)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process. Raises Invalid (`settings.invalid`), a line for each problem.

    Cached; `get_settings.cache_clear()` makes the next call read them anew.
    """
    try:
        return Settings()
    except ValidationError as error:
        fields = fields_by_key(Settings)
        lines = problems(error, fields, _texts(fields))
        raise Invalid(lines, code="settings.invalid") from None
