"""Files on disk: where named data sets are, and what a set of files holds, in 64 characters."""

import contextlib
import hashlib
import os
import re
import time
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path

from paribus.errors import DataError
from paribus.folders import cache_folder

_RACY_SECONDS = 2.0
"""A file changed so shortly before the memo could change again within the clock's grain, unseen."""
_DIGEST = re.compile(rb"[0-9a-f]{64}")


def downloads_folder() -> Path:
    """Where `paribus data fetch` puts what it downloads."""
    return cache_folder() / "downloads"


def data_path(given: str | None, names: Sequence[str], how: str) -> Path:
    """Where a named data set is.

    Args:
        given: by the specification; taken as it is.
        names: of files or folders to look for, in ``$PARIBUS_DATA`` and then in `downloads_folder`.
        how: to get the data, for the error.

    Raises:
        DataError: it is nowhere.
    """
    if given is not None:
        path = Path(given).expanduser()
        if not path.exists():
            raise DataError(f"there is no file or folder {path}: look for a slip in data.path; {how}")
        return path
    own = os.environ.get("PARIBUS_DATA")
    places = [*([Path(own).expanduser()] if own else []), downloads_folder()]
    for place in places:
        for name in names:
            if (place / name).exists():
                return place / name
    looked = " and ".join(str(place) for place in places)
    unset = "" if own else " ($PARIBUS_DATA, a folder of data, is not set)"
    raise DataError(f"found none of {', '.join(names)} in {looked}{unset}: {how}; or name it with data.path")


def digest_files(root: Path, names: Iterable[str]) -> str:
    """SHA-256 over the relative paths, sizes and contents of files, in hexadecimal.

    Contents are read only once: a memo in the cache folder, found by path, size, times and inode of every file, keeps
    the result. Paths are text, for there may be tens of thousands of them.

    Args:
        root: a folder above them all.
        names: of the files below it, in any order, with ``/`` between folders.

    Raises:
        DataError: a file cannot be read.
    """
    state = [(name, *_state(f"{root}/{name}")) for name in sorted(names)]
    memo = _memo(f"{root.resolve()}\n{state}")
    with contextlib.suppress(OSError):
        known = memo.read_bytes() if memo else b""
        if _DIGEST.fullmatch(known):
            return known.decode()
    digest = hashlib.sha256()
    for name, size, *_ in state:
        digest.update(f"{len(name.encode('utf-8', 'surrogateescape'))}\n{size}\n".encode())
        digest.update(name.encode("utf-8", "surrogateescape"))
        if size < 0:
            continue
        try:
            with open(f"{root}/{name}", "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise DataError(f"{error.filename} cannot be read: {error.strerror}") from None
    latest = max((max(mtime, ctime) for _, _, mtime, ctime, _ in state), default=0)
    if memo and time.time_ns() - latest > _RACY_SECONDS * 1e9:
        _keep(memo, digest.hexdigest())
    return digest.hexdigest()


def _state(path: str) -> tuple[int, int, int, int]:
    """Size, times and inode; -1 for a link that leads nowhere, which is an unreadable image and not the end."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return -1, 0, 0, 0
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _memo(state: str) -> Path | None:
    try:
        return cache_folder() / "files" / hashlib.sha256(state.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    except RuntimeError:  # there is no home folder
        return None


def _keep(memo: Path, digest: str) -> None:
    temporary = memo.with_name(f"tmp-{uuid.uuid4().hex}")
    with contextlib.suppress(OSError):  # read-only or full: go on without
        memo.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(digest)
        temporary.replace(memo)
