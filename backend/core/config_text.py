"""Where the texts of the settings come from, and which keys may stand there.

Three places, each stronger than the one before: the `.env` file, the run-time file that
`HSI_RUNTIME_ENV_PATH` names, and the environment. In the two files every key must be ours or one
that the compose file reads; in the environment, which holds much that is not ours, every key that
looks like ours must be one.
"""

from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import NamedTuple

from dotenv.parser import parse_stream

from backend.core.errors import Invalid

RUNTIME_FILE_KEY = "HSI_RUNTIME_ENV_PATH"
ALIASES: Mapping[str, str] = {"FOSCAM_BASE_PATH": "INGEST__MEDIA_ROOT"}
"""Second names of settings, and the names they stand for."""

_OURS = "HSI_"
_TESTS = "HSI_TEST_"
_COMPOSE_PREFIX = "POSTGRES_"
_COMPOSE_KEYS = frozenset({"REDIS_PASSWORD"})


class Text(NamedTuple):
    """A setting as it was written, and the place where it was."""

    value: str
    place: str


def read_texts(
    known: Set[str], *, env_file: Path, environment: Mapping[str, str]
) -> dict[str, Text]:
    """Every text that is ours or should be, by its key; a key that is not in `known` is a mistake.

    A key without a value counts as not given, so that `.env` may list what is not set.
    Raises Invalid for a file that cannot be read.
    """
    groups = frozenset(key.partition("__")[0] + "__" for key in known if "__" in key)
    texts = _file_texts(env_file)
    around = _environment_texts(known, groups, environment)
    runtime_file = around.get(RUNTIME_FILE_KEY) or texts.get(RUNTIME_FILE_KEY)
    if runtime_file:
        texts |= _file_texts(Path(runtime_file.value).expanduser())
    return texts | around


def _file_texts(path: Path) -> dict[str, Text]:
    """What the file says; nothing where there is no such file."""
    try:
        with path.open(encoding="utf-8") as file:
            entries = list(parse_stream(file))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(
            f"{path}: cannot be read as settings: {error}", code="settings.invalid"
        ) from error
    pairs: list[tuple[str, str]] = []
    for entry in entries:
        if entry.error:
            line = entry.original.line
            raise Invalid(f"{path}: line {line} is not KEY=value", code="settings.invalid")
        if entry.key is not None and not _is_of_compose(entry.key):
            pairs.append((entry.key, entry.value or ""))
    return _under_one_name(pairs, str(path))


def _environment_texts(
    known: Set[str], groups: Set[str], environment: Mapping[str, str]
) -> dict[str, Text]:
    pairs = (
        (key, value)
        for key, value in environment.items()
        if key in known or key in ALIASES or _looks_like_ours(key, groups)
    )
    return _under_one_name(pairs, "the environment")


def _is_of_compose(key: str) -> bool:
    return key.startswith(_COMPOSE_PREFIX) or key in _COMPOSE_KEYS


def _looks_like_ours(key: str, groups: Set[str]) -> bool:
    if key.startswith(_OURS):
        return not key.startswith(_TESTS)
    return any(key.startswith(group) for group in groups)


def _under_one_name(
    pairs: Iterator[tuple[str, str]] | list[tuple[str, str]], place: str
) -> dict[str, Text]:
    texts: dict[str, Text] = {}
    aliases: dict[str, Text] = {}
    for key, value in pairs:
        if value:
            (aliases if key in ALIASES else texts)[key] = Text(value, place)
    for alias, text in aliases.items():
        key = ALIASES[alias]
        if texts.get(key, text) != text:
            raise Invalid(
                f"{key} and {alias} are one setting, and {place} gives two values",
                code="settings.invalid",
            )
        texts[key] = text
    return texts
