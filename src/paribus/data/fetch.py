"""Downloads that a person asks for: with progress, resumed where they stopped, checked."""

import hashlib
import shutil
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any

from paribus.data import cifar10, fer2013
from paribus.data.files import downloads_folder
from paribus.data.hub import need_datasets
from paribus.errors import DataError
from paribus.suggest import did_you_mean

CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
CIFAR10_MD5 = "c58f30108f718f92721af3b95e74349a"
"""As the data set's page gives it."""
NAMES = ("cifar10", "fer2013", "hub:OWNER/NAME", "aeon:NAME")
TIMEOUT_SECONDS = 30.0
_CHUNK = 1 << 18

Progress = Callable[[int, int | None], None]
"""Told bytes so far and bytes in all, None where the server does not say."""


def fetch(name: str, to: Path | None, progress: Progress) -> str:
    """Download a data set by name; gives a sentence on where it is and how to use it.

    Args:
        name: ``cifar10``, ``hub:OWNER/NAME``, ``hub:OWNER/NAME:CONFIG``, ``aeon:NAME``; of ``fer2013`` an error says
            where it is to be had.
        to: folder for it; by default where paribus looks.
        progress: told of the download.

    Raises:
        DataError: there is no such name, no network, or what came is not what it should be.
    """
    kind, _, rest = name.partition(":")
    match kind:
        case "cifar10" if not rest:
            return _cifar10(to or downloads_folder(), progress)
        case "fer2013" if not rest:
            raise DataError(
                f"FER2013 cannot be downloaded without an account: {fer2013.HOW}; put it into {downloads_folder()} or "
                "the folder that $PARIBUS_DATA names, or name it with data.path"
            )
        case "hub" | "aeon" if rest and to is not None:
            raise DataError(f"--to cannot be given for {name}: its library keeps it in a folder of its own")
        case "hub" if rest:
            return _hub(rest)
        case "aeon" if rest:
            return _aeon(rest)
    raise DataError(
        f"no data set `{name}` to fetch{did_you_mean(kind, ['cifar10', 'fer2013'])}; known: {', '.join(NAMES)}"
    )


def download(url: str, target: Path, *, md5: str | None, progress: Progress) -> Path:
    """A file from the network. What has come is kept beside it, as ``TARGET.part``, and gone on with the next time.

    Args:
        url: http or https.
        target: where it goes; the folder is made.
        md5: of the whole, in hexadecimal; None does not check.
        progress: told after every piece.

    Raises:
        DataError: it cannot be had, cannot be written, or is not what it should be.
    """
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _receive(url, part, progress)
        if md5 is not None and (found := _md5(part)) != md5:
            part.unlink()
            raise DataError(
                f"{url} gave a file with MD5 {found} instead of {md5}: it was damaged or has changed; try again"
            )
        part.replace(target)
    except urllib.error.HTTPError as error:
        raise DataError(f"{url} answered {error.code} {error.reason}: try again later, or fetch it by hand") from None
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise DataError(
            f"cannot reach {url} ({reason}): is there a network? What has come is kept; try again"
        ) from None
    except OSError as error:
        raise DataError(
            f"cannot write {error.filename or part}: {error.strerror}; name another folder with --to"
        ) from None
    return target


def _receive(url: str, part: Path, progress: Progress) -> None:
    """Go on after what is there, if the server allows; else from the start."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:  # there is nothing after what is there: whole already, or another file's
            return
        raise
    with response:
        resumed = response.status == 206
        length = response.headers.get("Content-Length")
        have = have if resumed else 0
        total = have + int(length) if length and length.isdigit() else None
        with part.open("ab" if resumed else "wb") as file:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                have += len(chunk)
                progress(have, total)
    if total is not None and have < total:
        raise ConnectionError(f"the connection ended after {have:,} of {total:,} bytes")


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _cifar10(folder: Path, progress: Progress) -> str:
    target = folder / cifar10.OFFICIAL
    if cifar10.missing_batches(target):
        shutil.rmtree(target, ignore_errors=True)
        packed = download(CIFAR10_URL, folder / "cifar-10-python.tar.gz", md5=CIFAR10_MD5, progress=progress)
        unpack(packed, folder, cifar10.OFFICIAL)
        packed.unlink()
    found = "paribus finds it there" if folder == downloads_folder() else f"use it with data.path: {target}"
    return f"CIFAR-10 is in {target}; {found}"


def unpack(packed: Path, folder: Path, name: str) -> None:
    """The folder ``name`` of a tar file; whole, or not at all.

    Raises:
        DataError: the file is damaged or holds something else.
    """
    scratch = folder / f".{name}.part"
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        with tarfile.open(packed) as archive:
            archive.extractall(scratch, filter="data")
        (scratch / name).rename(folder / name)
    except (tarfile.TarError, EOFError, FileNotFoundError) as error:
        raise DataError(f"{packed} cannot be unpacked ({error}): remove it and fetch it again") from None
    except OSError as error:
        raise DataError(f"cannot unpack {packed}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _hub(rest: str) -> str:
    name, _, config = rest.partition(":")
    datasets: Any = need_datasets()
    datasets.enable_progress_bars()  # its own
    try:
        found = datasets.load_dataset(name, config or None)
    except Exception as error:  # the library raises errors of many kinds
        raise DataError(f"cannot fetch {name} from the hub: {str(error).splitlines()[0]}") from None
    told = ", ".join(f"{split} {len(rows):,}" for split, rows in found.items())
    with_config = f", config: {config}" if config else ""
    return f"{name}: {told}; use it with data: {{source: hub, name: {name}{with_config}}}"


def _aeon(name: str) -> str:
    from paribus.data.sources import load_dataset
    from paribus.spec import AeonData

    dataset = load_dataset(AeonData(source="aeon", name=name))
    return f"{dataset.description}: {len(dataset.y):,} trials; use it with data: {{source: aeon, name: {name}}}"
