"""The documentation of the settings, made from their fields."""

import textwrap
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from backend.core.config_words import allowed, as_text, default_text, fields_by_key

_INTRODUCTION = """\
# Settings

Made from `backend/core/config.py` by `./hsi reference`; do not edit.

A setting may stand in three places, each stronger than the one before: `.env` in the folder where
the product is started, the file that `HSI_RUNTIME_ENV_PATH` names, and the environment. A key
without a value counts as not given. In the two files every key must be one of these, or one that
`docker-compose.prod.yml` reads (`POSTGRES_…`, `REDIS_PASSWORD`); in the environment every key that
begins with `HSI_` or with one of the prefixes below must be. An unknown key or a wrong value stops
the start, and the message names it and what is allowed. Durations are numbers of seconds.
"""

_EXAMPLE = """\
# Settings, with their defaults; made by `./hsi reference` from backend/core/config.py.
# Copy what you change to `.env`, or let ./setup.sh write one with passwords.
# docs/reference/config.md says more.
"""

_COMPOSE = """\

# --- Read by docker-compose.prod.yml only; ./setup.sh makes the passwords -------------------------

# POSTGRES_USER=security
# POSTGRES_DB=security
# POSTGRES_PASSWORD=
# REDIS_PASSWORD=
"""


def page(settings: type[BaseModel]) -> str:
    """The page docs/reference/config.md."""
    parts = [_INTRODUCTION]
    for title, about, fields in _sections(settings):
        parts.append(f"## {title}\n" + (f"\n{about}\n" if about else ""))
        rows = "\n".join(_row(key, field) for key, field in fields.items())
        parts.append(f"| Key | Allowed | Default | |\n|---|---|---|---|\n{rows}\n")
    return "\n".join(parts)


def env_example(settings: type[BaseModel]) -> str:
    """The file `.env.example`: every setting as a comment with its default."""
    parts = [_EXAMPLE]
    for title, _, fields in _sections(settings):
        parts.append(f"\n# --- {title} ".ljust(100, "-") + "\n")
        for key, field in fields.items():
            words = f"{field.description} Allowed: {allowed(field)}."
            comment = textwrap.fill(
                words.replace("`", ""), 98, initial_indent="# ", subsequent_indent="# "
            )
            parts.append(f"\n{comment}\n# {key}={_value(field)}\n")
    return "".join([*parts, _COMPOSE])


def _sections(settings: type[BaseModel]) -> Iterator[tuple[str, str, dict[str, FieldInfo]]]:
    """The settings without a prefix, then each group: title, what it is about, fields."""
    every = fields_by_key(settings)
    yield "General", "", {key: field for key, field in every.items() if "__" not in key}
    for name, field in settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            prefix = f"{name.upper()}__"
            fields = {key: one for key, one in every.items() if key.startswith(prefix)}
            yield prefix, (group.__doc__ or "").strip(), fields


def _row(key: str, field: FieldInfo) -> str:
    default = default_text(field)
    shown = f"`{default}`" if default and _is_value(field) else default
    return f"| `{key}` | {allowed(field)} | {shown or '—'} | {field.description} |"


def _is_value(field: FieldInfo) -> bool:
    """Whether the default can be written down, and is not found out when the product starts."""
    return default_text(field) == as_text(field.get_default())


def _value(field: FieldInfo) -> str:
    return default_text(field) if _is_value(field) else ""
