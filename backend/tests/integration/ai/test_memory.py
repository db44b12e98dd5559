"""Memory that is kept for the next body, in a process of its own: it is the whole process's."""

import platform
import subprocess
import sys

import pytest

from backend.tests.fixtures.product import PROJECT

# Four pieces that are there at once, as the chunks, the body and the parts of a batch are.
SCRIPT = """
from resource import RUSAGE_SELF, getrusage
from ai.detector.memory import keep_memory

{first}
for number in range(40):
    if number == 20:
        before = getrusage(RUSAGE_SELF).ru_minflt
    pieces = [bytes([number]) * 4_000_000 for _ in range(4)]
    del pieces
print(getrusage(RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(first: str) -> int:
    script = SCRIPT.format(first=first)
    said = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return int(said.stdout)


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has its own ways")
def test_what_was_freed_is_used_again_without_the_kernel() -> None:
    assert page_faults("") > 20 * 1000
    assert page_faults("keep_memory()") < 100
