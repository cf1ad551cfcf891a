"""Memory of a process that allocates the same large tensors at every step."""

import ctypes
import sys

_MMAP_MAX, _TRIM_THRESHOLD, _TOP_PAD = -4, -1, -2
"""Of glibc's malloc.h."""
_LARGEST = 2**31 - 1


def keep_memory() -> None:
    """Let glibc keep freed memory for the next step instead of giving it back to the system and asking again.

    Without it, up to half of a training step goes into page faults. Only for processes of our own: it holds what was
    once used until the process ends. Other C libraries are left as they are.
    """
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        libc.mallopt(_MMAP_MAX, 0)
        libc.mallopt(_TRIM_THRESHOLD, _LARGEST)
        libc.mallopt(_TOP_PAD, 64 * 2**20)
