"""What no SQL statement may say, read from the source of all stores."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.services import stores

FILES = sorted(Path(next(iter(stores.__path__))).glob("*.py"))

FORBIDDEN = {
    r"\bOFFSET\b": "a page that is skipped is read all the same: pages go on after a key",
    r"\b(now|clock_timestamp|statement_timestamp)\(\)|\bCURRENT_(TIME|DATE)": "time is an argument",
    r"\bTRUNCATE\b": "it locks the table; DELETE",
    r"\bSELECT \*": "a new column would change what callers get",
}


def statements(file: Path) -> Iterator[str]:
    """Every text of a file that is not documentation."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    spoken = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in spoken:
            yield str(node.value)


@pytest.mark.parametrize(("pattern", "reason"), FORBIDDEN.items(), ids=lambda text: text[:20])
def test_no_statement_says_it(pattern: str, reason: str) -> None:
    found = [
        f"{file.name}: {text}"
        for file in FILES
        for text in statements(file)
        if re.search(pattern, text, re.IGNORECASE)
    ]
    assert found == [], reason


def test_statements_are_found() -> None:
    selects = [text for file in FILES for text in statements(file) if "SELECT " in text]
    assert len(selects) > 20
