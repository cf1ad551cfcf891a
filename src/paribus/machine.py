"""What this machine has, as far as it tells."""

import sys
from pathlib import Path


def available_memory() -> int:
    """Bytes that can be used without swapping; more than enough where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return sys.maxsize
