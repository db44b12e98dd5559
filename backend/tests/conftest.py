"""Loads the fixtures, which are in `fixtures/`, in the project's environment only."""

import sys
from pathlib import Path

import pytest

_ENVIRONMENT = Path(__file__).parents[2] / ".venv"

if Path(sys.prefix).resolve() != _ENVIRONMENT.resolve():
    pytest.exit(
        f"run the tests by ./hsi test, or {_ENVIRONMENT}/bin/python -m pytest: "
        f"this is {sys.executable}, which lacks what they need",
        returncode=4,
    )

pytest_plugins = [
    f"backend.tests.fixtures.{name}"
    for name in (
        "environment",
        "services",
        "timeouts",
        "redis",
        "database",
        "application",
        "product",
    )
]
