"""Loads the fixtures, which are in `fixtures/`, in the project's environment only."""

import sys
from pathlib import Path

_ENVIRONMENT = Path(__file__).parents[2] / ".venv"

if Path(sys.prefix).resolve() != _ENVIRONMENT.resolve():
    sys.stderr.write(
        f"run the tests by ./hsi test, or {_ENVIRONMENT}/bin/python -m pytest: "
        f"{sys.executable} lacks what they need\n"
    )
    raise SystemExit(4)

pytest_plugins = [
    f"backend.tests.fixtures.{name}"
    for name in (
        "environment",
        "leaks",
        "properties",
        "services",
        "timeouts",
        "timing",
        "processor_time",
        "redis",
        "database",
        "application",
        "product",
        "ledger",
    )
]
