"""Memory that bodies and pixels have used is kept for those that follow."""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
_KEPT = 64 << 20  # bytes, of each thread's heap
_FROM_THE_KERNEL = 32 << 20  # the most that it takes: pieces of as many bytes, and larger ones


def keep_memory() -> None:
    """Have the C library keep what is freed, up to a bound.

    By default glibc gives megabytes back at once, and the next body costs a page fault for each
    4 kB: more than reading it. Nothing happens where the library is another.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _FROM_THE_KERNEL)
        mallopt(_TRIM_THRESHOLD, _KEPT)
