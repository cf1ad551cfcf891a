"""Where this machine keeps what paribus may lose: the folder of its cache."""

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """``$PARIBUS_CACHE``, or the folder that the platform has for caches.

    Raises:
        RuntimeError: the home folder cannot be found.
    """
    if own := os.environ.get("PARIBUS_CACHE"):
        return Path(own).expanduser().absolute()
    if (xdg := os.environ.get("XDG_CACHE_HOME")) and Path(xdg).is_absolute():  # the standard ignores relative ones
        return Path(xdg) / "paribus"
    if (local := os.environ.get("LOCALAPPDATA")) and sys.platform == "win32":
        return Path(local) / "paribus" / "cache"
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "paribus"
