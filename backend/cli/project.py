"""The checkout in which the commands for development work."""

from pathlib import Path

from backend.core.errors import NotFound


def project_root() -> Path:
    """The folder of the checkout. Raises NotFound where the product is installed without one."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "pyproject.toml").is_file():
        raise NotFound("this command needs a checkout of the project", code="project.not_found")
    return root
