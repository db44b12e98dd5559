"""The bond of a process to the one that started it."""

import ctypes
import os
import signal

# Loaded before any fork: between fork and exec nothing may be imported or allocated for long.
_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def end_with(parent: int, number: signal.Signals) -> None:
    """Get a signal at the moment when the process `parent` is gone, even by kill -9.

    Called in its child, which ends here and now if that has happened already. The kernel watches
    the thread that started the child: it has to be the parent's main thread.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, int(number))
    if os.getppid() != parent:  # it died before the kernel knew
        os._exit(1)
