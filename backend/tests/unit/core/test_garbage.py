"""A process that has begun looks for garbage, but not among what it was made of."""

import subprocess
import sys

from backend.tests.fixtures.run import ROOT

# In a process of its own: what is there is not looked at any more.
A_START = """
import gc, weakref
from backend.core import garbage

class Node:
    def __init__(self):
        self.itself = self

old = weakref.ref(Node())
garbage.pause()
print("looks while paused:", gc.isenabled())
garbage.resume()
print("looks later:", gc.isenabled())
new = weakref.ref(Node())
gc.collect()
print("old is gone:", old() is None)
print("new is gone:", new() is None)
"""


def test_what_was_there_is_not_looked_at_and_what_comes_later_is() -> None:
    done = subprocess.run(
        [sys.executable, "-c", A_START], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "looks while paused: False",
        "looks later: True",
        "old is gone: False",
        "new is gone: True",
    ]
