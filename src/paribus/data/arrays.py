"""Arrays from files that may be anything: never through pickle, never with a traceback, never beyond the memory."""

import math
import sys
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from paribus.errors import DataError
from paribus.machine import available_memory
from paribus.suggest import did_you_mean

Array = npt.NDArray[Any]
_npy: Any = np.lib.format
_MOST_LOST = 0.01
"""Share of a signal that rounding may change."""
_CHUNK = 256


def read_npz(path: Path, only: Collection[str] | None = None) -> dict[str, Array]:
    """The arrays of a ``.npz`` file by key.

    Args:
        path: of the file.
        only: keys to read, as far as they are there; all by default.

    Raises:
        DataError: there is no such file, it is cut off or no ``.npz``, or an array holds Python objects.
    """
    loaded = _load(path, only)
    if isinstance(loaded, np.ndarray):
        raise DataError(f"{path} holds a single array: save a .npz with named arrays, as np.savez(path, x=x, y=y)")
    return loaded


def read_single(path: Path, key: str) -> Array:
    """The array of a ``.npy`` file, or the one under a key of a ``.npz`` file.

    Raises:
        DataError: as `read_npz`, or the key is missing.
    """
    loaded = _load(path)
    return loaded if isinstance(loaded, np.ndarray) else member(loaded, key, path)


def member(arrays: dict[str, Array], key: str, path: Path) -> Array:
    """The array under a key.

    Raises:
        DataError: there is none; names the keys that there are.
    """
    if key not in arrays:
        keys = ", ".join(arrays) or "no arrays"
        raise DataError(f"{path} needs the key `{key}`{did_you_mean(key, arrays)}; it holds {keys}")
    return arrays[key]


def real(array: Array, what: str) -> Array:
    """The array as uint8, if it is that, or as float32; values beyond float32's range become infinite.

    Raises:
        DataError: its values are not real numbers, or float32 cannot tell them apart.
    """
    if array.dtype.kind not in "fiub":
        raise DataError(f"{what} must hold real numbers, got {array.dtype}")
    if array.dtype == np.uint8:
        return array
    with np.errstate(over="ignore"):  # the audit finds what became infinite
        kept = np.ascontiguousarray(array, dtype=np.float32)
    if array.ndim > 1 and not np.can_cast(array.dtype, np.float32) and (lost := _lost(array, kept)) > _MOST_LOST:
        raise DataError(
            f"{what} varies too little beside its mean for float32, in which networks compute: rounding would be "
            f"{100 * lost:.0f} % of the signal (root mean square); subtract the mean before saving, in {array.dtype}"
        )
    return kept


def _lost(array: Array, kept: Array) -> float:
    """Root mean square of what rounding changed, through that of distances from a row's mean; of rows that vary."""
    changed = spread = 0.0
    for start in range(0, len(array), _CHUNK):
        exact, rounded = array[start : start + _CHUNK].astype(np.float64), kept[start : start + _CHUNK]
        varies = np.isfinite(rounded).all(axis=-1) & (exact.max(axis=-1) > exact.min(axis=-1))
        exact, rounded = exact[varies], rounded[varies]
        changed += float(np.sum((exact - rounded) ** 2))
        spread += float(np.sum((exact - exact.mean(axis=-1, keepdims=True)) ** 2))
    return math.sqrt(changed / spread) if spread else 0.0


def _load(path: Path, only: Collection[str] | None = None) -> Array | dict[str, Array]:
    damaged = f"{path} cannot be read: it is cut off or damaged, or was never a file of numpy's; fetch or save it again"
    try:
        with path.open("rb") as opened:  # numpy leaves a file open when it is not what it seems
            if opened.read(2) != b"PK":
                _refuse_large(path, _size_of(opened, path.stat().st_size, str(path)))
                opened.seek(0)
                return _read(opened)
            with zipfile.ZipFile(opened) as archive:
                members = {name.removesuffix(".npy"): info for name, info in _distinct(archive, path).items()}
                sizes = []
                for key, info in members.items():
                    with archive.open(info) as file:
                        if file.read(len(_npy.MAGIC_PREFIX)) != _npy.MAGIC_PREFIX:
                            raise DataError(f"`{key}` in {path} is no array of numpy's")
                        sizes.append(_size_of(file, info.file_size, f"`{key}` in {path}"))
                _refuse_large(path, sum(sizes))
                wanted = members if only is None else [key for key in members if key in only]
                return {key: _member(archive, members[key]) for key in wanted}
    except FileNotFoundError:
        raise DataError(f"there is no file {path}: look for a slip in the path") from None
    except (IsADirectoryError, PermissionError) as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    except DataError:
        raise
    except Exception:  # parsers meet damaged bytes with errors of many kinds
        raise DataError(damaged) from None


def _distinct(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    members = {info.filename: info for info in archive.infolist()}
    if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in members.values()):
        raise DataError(f"{path} is packed in a way that numpy never uses: save it again")
    if len(members) < len(archive.infolist()):
        raise DataError(f"{path} holds two arrays of one name: save it again")
    return members


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    with archive.open(info) as file:
        array = _read(file)
        file.read(1)  # at the end, where the checksum is looked at
        return array


def _read(file: IO[bytes]) -> Array:
    read: Any = _npy.read_array
    array: Array = read(file, allow_pickle=False)
    if array.dtype.kind == "U" and array.size:  # four bytes a letter, which Python takes as they are
        letters = np.frombuffer(array.tobytes(), array.dtype.byteorder.replace("|", "=") + "u4")
        if letters.max(initial=0) > sys.maxunicode:
            raise ValueError("a string holds what is no letter")
    return array


def _size_of(file: IO[bytes], held: int, what: str) -> int:
    """Bytes of the array that follows, from its header alone: it must be what the file holds, and not much more memory.

    Args:
        file: open, to be read from its start.
        held: bytes in the file, or as the directory of the archive has it; more are never read.
        what: it is, for errors.
    """
    file.seek(0)
    version = _npy.read_magic(file)
    if version == (3, 0):  # for names of fields
        raise DataError(f"{what} must be a plain array of numbers or strings, got one with named fields")
    shape, _, dtype = (_npy.read_array_header_1_0 if version == (1, 0) else _npy.read_array_header_2_0)(file)
    if dtype.hasobject:
        raise DataError(_objects(what))
    if dtype.subdtype is not None or dtype.itemsize == 0:  # as many as one likes would take no room
        raise DataError(f"{what} must be a plain array of numbers or strings, got {str(dtype)[:60]}")
    size: int = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or size != held - file.tell():
        raise DataError(
            f"{what} says that it holds an array of shape {shape} and type {dtype}, {size} bytes, but there are "
            f"{held - file.tell()}: it is cut off or damaged; fetch or save it again"
        )
    return size


def _refuse_large(path: Path, size: int) -> None:
    """Half of the memory is for the arrays, the rest for what becomes of them."""
    if 2 * size > (free := available_memory()):
        raise DataError(
            f"{path} holds {size / 2**30:.1f} GiB of arrays, unpacked, and half of this machine's free memory is "
            f"{free / 2**31:.1f} GiB: take fewer examples, or a smaller type"
        )


def _objects(what: str) -> str:
    return (
        f"{what} holds Python objects, which only pickle could read, and pickle can run any code: "
        "save plain numbers of one shape, as np.asarray(values, dtype=np.float32), or strings, as values.astype(str)"
    )
