"""Arrays from files that may be anything: never through pickle, never with a traceback."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from paribus.errors import DataError
from paribus.suggest import did_you_mean

Array = npt.NDArray[Any]


def read_npz(path: Path) -> dict[str, Array]:
    """All arrays of a ``.npz`` file by key.

    Raises:
        DataError: there is no such file, it is cut off or no ``.npz``, or an array holds Python objects.
    """
    loaded = _load(path)
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
        DataError: its values are not real numbers.
    """
    if array.dtype.kind not in "fiub":
        raise DataError(f"{what} must hold real numbers, got {array.dtype}")
    if array.dtype == np.uint8:
        return array
    with np.errstate(over="ignore"):  # the audit finds what became infinite
        return np.ascontiguousarray(array, dtype=np.float32)


def _load(path: Path) -> Array | dict[str, Array]:
    damaged = f"{path} cannot be read: it is cut off or damaged, or was never a file of numpy's; fetch or save it again"
    try:
        with path.open("rb") as opened:  # numpy leaves a file open when it is not what it seems
            loaded = np.load(opened, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            with loaded:
                return {key: _member(loaded, key, path) for key in loaded.files}
    except FileNotFoundError:
        raise DataError(f"there is no file {path}: look for a slip in the path") from None
    except (IsADirectoryError, PermissionError) as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    except DataError:
        raise
    except Exception as error:  # numpy's parsers meet damaged bytes with errors of many kinds
        raise DataError(_objects(str(path)) if "Object arrays" in str(error) else damaged) from None


def _member(loaded: Any, key: str, path: Path) -> Array:
    try:
        array = loaded[key]
    except ValueError as error:
        if "Object arrays" in str(error):
            raise DataError(_objects(f"`{key}` in {path}")) from None
        raise
    if not isinstance(array, np.ndarray):  # numpy gives the bytes of members that are no arrays
        raise DataError(f"`{key}` in {path} is no array of numpy's")
    return array


def _objects(what: str) -> str:
    return (
        f"{what} holds Python objects, which only pickle could read, and pickle can run any code: "
        "save plain numbers or strings, as np.asarray(values, dtype=np.float32)"
    )
