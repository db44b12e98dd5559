"""The collector of garbage in a process that runs for months.

What is imported stays until the end. To look through it while it is imported takes a seventh of the
start, and to look through it again later stops everybody in the process for that long.
"""

import gc


def pause() -> None:
    """Look for no garbage, from before the imports until `resume`."""
    gc.disable()


def resume() -> None:
    """Look for garbage again, and never more among what is there now."""
    gc.freeze()
    gc.enable()
