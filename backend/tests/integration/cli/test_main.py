"""The command line as a process."""

import subprocess
import sys

from backend.cli.project import project_root


def test_help_loads_nothing_heavy() -> None:
    heavy = "aiohttp|fastapi|sqlalchemy|pydantic|numpy|cv2|onnxruntime|redis|asyncpg|httpx|rich"
    code = f"""
import sys
import backend.cli
loaded = set({heavy.split("|")}) & {{name.partition('.')[0] for name in sys.modules}}
print(*sorted(loaded))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project_root(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("\n", "")
