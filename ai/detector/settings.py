"""The settings of the service: `AI_DETECTOR_…` in the environment, checked once at the start."""

import ipaddress
import os
import re
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from backend.core.errors import Invalid
from backend.core.paths import is_file, is_folder

PREFIX = "AI_DETECTOR_"
_KEY = re.compile(r"[A-Za-z0-9._~+/-]{16,}=*")  # as in RFC 6750


def _cores() -> int:
    return len(os.sched_getaffinity(0))


class DetectorSettings(BaseSettings):
    """What the service needs to know."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, protected_namespaces=())

    model: Path = Field(
        description="ONNX file of the detector, or for PyTorch the folder of a checkpoint."
    )
    runtime: Literal["auto", "onnxruntime", "openvino", "torch"] = Field(
        "auto",
        description="What runs it. `auto`: PyTorch for a folder; for a file ONNX Runtime, or "
        "OpenVINO where that is installed and faster here.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8090, ge=1, le=65535, description="Port to listen on.")
    api_key: SecretStr | None = Field(
        None,
        description="What clients must send as `Authorization: Bearer …`. Needed beyond loopback.",
    )
    tls_certificate: Path | None = Field(None, description="Certificate file, for HTTPS.")
    tls_key: Path | None = Field(None, description="The certificate's key file.")
    store: Path | None = Field(
        None, description="Folder below which clients may name pictures by their paths."
    )
    confidence: float = Field(
        0.5, ge=0, le=1, description="The least that a detection needs, if a request says nothing."
    )
    threads: int = Field(
        default_factory=_cores, ge=1, le=256, description="Threads of one run of the model."
    )
    decode_threads: int = Field(2, ge=1, le=64, description="Pictures decoded at a time.")
    batch: int = Field(
        1,
        ge=1,
        le=256,
        description="Pictures in one run of the model, at most. On a processor more cost more: "
        "a run of eight took as long as eleven of one.",
    )
    batch_wait_ms: float = Field(
        5, ge=0, le=1000, description="How long a run waits for pictures that are on their way."
    )
    queue: int = Field(
        64, ge=1, le=10_000, description="Pictures that may be here at once; more are sent away."
    )
    max_bytes: int = Field(50_000_000, ge=1000, description="Bytes of one picture, at most.")
    max_pixels: int = Field(50_000_000, ge=1000, description="Pixels of one picture, at most.")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("TLS_CERTIFICATE and TLS_KEY belong together")
        if self.api_key is not None and not _KEY.fullmatch(self.api_key.get_secret_value()):
            raise ValueError("API_KEY must be 16 letters, digits or any of -._~+/, or more")
        if self.api_key is None and not _is_loopback(self.host):
            raise ValueError("API_KEY is needed to listen on more than a loopback address")
        if self.store is not None:
            _check_there("STORE", "folder", self.store, is_folder)
        if self.tls_certificate is not None and self.tls_key is not None:
            _check_pair(self.tls_certificate, self.tls_key)
        return self


def read_settings(environment: Mapping[str, str]) -> DetectorSettings:
    """The settings. Raises `Invalid` (`settings.invalid`), a line for each problem."""
    known = {PREFIX + name.upper() for name in DetectorSettings.model_fields}
    given = {name for name in environment if name.upper().startswith(PREFIX)}
    lines = [f"{name}: no such setting" for name in sorted(given) if name.upper() not in known]
    try:
        settings = DetectorSettings()  # from the environment
    except ValidationError as error:
        # Without the values: one of them may be the key.
        for problem in error.errors(include_input=False, include_url=False):
            place = "".join(str(name).upper() for name in problem["loc"])
            lines.append(
                f"{PREFIX}{place}: {problem['msg']}"
                if place
                else problem["msg"].removeprefix("Value error, ")
            )
    if lines:
        raise Invalid("\n".join(lines), code="settings.invalid")
    return settings


def _check_there(name: str, kind: str, path: Path, is_there: Callable[[Path], bool]) -> None:
    """Raise ValueError where that setting names none, or what may not be looked at."""
    try:
        if not is_there(path):
            raise ValueError(f"{PREFIX}{name}: there is no {kind} {path}")
    except Invalid as error:
        raise ValueError(f"{PREFIX}{name}: {error}") from error


def _check_pair(certificate: Path, key: Path) -> None:
    """Raise ValueError for what is no certificate with its key."""
    for name, file in (("TLS_CERTIFICATE", certificate), ("TLS_KEY", key)):
        _check_there(name, "file", file, is_file)
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except OSError as error:
        raise ValueError(
            f"{certificate} and {key} are no certificate with its key: {error}"
        ) from error


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
