"""Decoded data on disk: reading them again takes milliseconds where decoding took seconds.

An entry is a folder, ``$PARIBUS_CACHE/<hash of the key>/``, with one ``.npy`` file an array and ``entry.json``, which
holds the rest and the SHA-256 of everything. The cache is never needed: when anything is wrong with it, the data are
built anew.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from paribus.data.dataset import Dataset
from paribus.errors import DataError
from paribus.folders import cache_folder

_VERSION = 3
"""Goes into every key. Raise it when the form of an entry changes."""
TEMPORARY = "tmp-"
"""Before the names of what is not finished."""
_OLD_SECONDS = 24 * 3600
_ARRAYS = ("x", "y", "ids", "part", "group", "names")
_VALUES = ("class_names", "kind", "description", "sfreq_hz", "notes", "formats", "unreadable", "channel_names")


def cached(key: str, build: Callable[[], Dataset]) -> Dataset:
    """The data set kept under a key; built, and kept, when there is none or it is damaged.

    x is a read-only memory map when it comes from the cache.

    Args:
        key: whatever decides the content, as the hash of a file and the version of its decoder.
        build: makes the data set.
    """
    try:
        entry = _entry(key)
    except RuntimeError:  # there is no home folder
        return build()
    found = _read(entry, key)
    if found is not None:
        return found
    dataset = build()
    with contextlib.suppress(OSError):  # read-only or full: go on without
        _write(entry, key, dataset)
    return dataset


def is_kept(key: str) -> bool:
    """Whether there is an entry of a key, be it damaged or not."""
    try:
        return (_entry(key) / "entry.json").is_file()
    except RuntimeError:
        return False


def _entry(key: str) -> Path:
    name = hashlib.sha256(f"{_VERSION}\n{key}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return cache_folder() / name


def _read(entry: Path, key: str) -> Dataset | None:
    """None when there is no entry, or when it is not, byte for byte, what was written."""
    try:
        outer = json.loads((entry / "entry.json").read_text(encoding="utf-8"))
        content = outer["content"]
        if outer["sha256"] != _digest(content) or content["key"] != key:
            return None
        for name, known in content["files"].items():
            path = entry / f"{name}.npy"
            if path.stat().st_size != known["bytes"] or _file_digest(path) != known["sha256"]:
                return None
        arrays = {
            name: np.load(entry / f"{name}.npy", mmap_mode="r" if name == "x" else None, allow_pickle=False)
            for name in content["files"]
        }
        values = content["values"]
        lists: dict[str, Any] = {
            name: tuple(values[name]) for name in ("class_names", "notes", "unreadable", "channel_names")
        }
        lists["formats"] = tuple((str(name), int(count)) for name, count in values["formats"])
        return Dataset(**arrays, **{**values, **lists})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, DataError):
        return None


def _write(entry: Path, key: str, dataset: Dataset) -> None:
    """Write beside the entry and rename: another process sees all of it or nothing."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=entry.parent))
    temporary.chmod(0o777 & ~_umask())  # others may share the cache
    try:
        files = {}
        for name in _ARRAYS:
            array = getattr(dataset, name)
            if array is not None:
                path = temporary / f"{name}.npy"
                np.save(path, array, allow_pickle=False)
                files[name] = {"bytes": path.stat().st_size, "sha256": _file_digest(path)}
        content = {"key": key, "values": {name: getattr(dataset, name) for name in _VALUES}, "files": files}
        text = json.dumps({"sha256": _digest(content), "content": content})
        (temporary / "entry.json").write_text(text, encoding="utf-8")
        if _read(entry, key) is not None:  # another process was faster
            return
        _move_aside(entry)
        temporary.rename(entry)  # refused when another process was faster by now: its entry is as good
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _move_aside(entry: Path) -> None:
    """Away with a damaged entry. Renamed first, so that nobody meets it half deleted."""
    aside = entry.with_name(f"{TEMPORARY}{uuid.uuid4().hex}")
    with contextlib.suppress(FileNotFoundError):
        entry.rename(aside)
        _remove(aside)


def remove_leftovers(folder: Path) -> None:
    """Away with what processes that were killed have left behind a day ago or earlier."""
    for path in folder.glob(f"{TEMPORARY}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _OLD_SECONDS:
                _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
