"""The environments that the guide has one make, beside `./hsi`'s own."""

import re

from backend.tests.fixtures.product import PROJECT


def test_none_is_made_where_hsi_has_its_own_and_git_and_ruff_see_none() -> None:
    """From `.venv` `./hsi` removes what its lock files do not name: PyTorch, for one."""
    guide = "".join(page.read_text("utf-8") for page in (PROJECT / "docs" / "guide").glob("*.md"))
    made = re.findall(r"python3 -m venv (\S+)", guide)
    assert made
    assert [name for name in made if not name.startswith(".venv-")] == []
    assert set(re.findall(r"([^\s`]+)/bin/(?:pip|python)", guide)) <= set(made)
    assert ".venv-*/" in (PROJECT / ".gitignore").read_text("utf-8").splitlines()
