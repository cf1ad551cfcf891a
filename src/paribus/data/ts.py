"""The ``.ts`` format of the aeon archive, parsed by aeon; here is what aeon leaves to others.

aeon lowers the case of class names, takes any label for a class, drops signs where there are time stamps, and stops
with an error of its own at the first odd line. A file that was cut off must not pass for a smaller data set.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from paribus.errors import DataError

Labels = npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class _Header:
    encoding: str
    class_names: tuple[str, ...] | None
    """As the file spells them; None where it holds no labels."""
    equal_length: bool
    rows: list[str]
    """The lines after ``@data``."""
    first_row: int
    """Line of the first of them, from 1."""


def read_ts(path: Path | str) -> tuple[npt.NDArray[np.float32], Labels | None]:
    """The examples of one ``.ts`` file.

    Returns:
        x (N, 1, n_channels, n_times) float32 and the labels (N,) as the header spells them, or None where the header
        says ``@classLabel false``. Missing values are NaN.

    Raises:
        DataError: the file is missing, cut off or damaged, for regression, with time stamps, or its examples are not of
            one length.
    """
    path = Path(path)
    header = _read_header(path)
    data, labels = _parse(path, header)
    if not len(data):
        raise DataError(f"{path} holds no examples after @data: fetch the file again")
    names = None if header.class_names is None else _restore(labels, header.class_names, path)
    lengths = [example.shape[-1] for example in data]
    odd = next((i for i, length in enumerate(lengths) if length != lengths[0]), None)
    if odd is not None:
        raise DataError(
            f"{path}: all examples must be of equal length, but example 1 has {lengths[0]} samples and "
            f"example {odd + 1} has {lengths[odd]}: cut or pad them to one length"
        )
    with np.errstate(over="ignore"):  # the audit finds what became infinite
        return np.stack(data).astype(np.float32)[:, None], names


def _read_header(path: Path) -> _Header:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    try:
        text, encoding = content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text, encoding = content.decode("latin-1"), "latin-1"
    lines = re.split("\r\n|\r|\n", text)  # as files are read; str.splitlines breaks at more
    fields: dict[str, list[str]] = {}
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or line.strip().startswith("#"):
            continue
        if words[0].lower() == "@data":
            rows = lines[number:-1] if lines[-1] == "" else lines[number:]
            equal = fields.get("@equallength", ["true"])
            return _Header(encoding, _class_names(fields, path), equal != ["false"], rows, number + 1)
        fields[words[0].lower()] = words[1:] if words[0].lower() == "@classlabel" else [w.lower() for w in words[1:]]
    raise DataError(f"{path} has no line `@data`: it is cut off, or not in the .ts format")


def _class_names(fields: dict[str, list[str]], path: Path) -> tuple[str, ...] | None:
    if fields.get("@timestamps") == ["true"]:
        raise DataError(f"{path} has time stamps, which are not supported: save the values alone, equally spaced")
    kind, *names = fields.get("@classlabel") or [""]
    if fields.get("@targetlabel") == ["true"]:
        raise DataError(f"{path} is for regression (@targetLabel true): classes are needed, as `@classLabel true A B`")
    if kind.lower() == "false":
        return None
    if kind.lower() != "true" or not names:
        raise DataError(f"{path} names no classes: its header needs `@classLabel true` and the names, as in `true A B`")
    if len({_as_aeon(name) for name in names}) < len(names):
        raise DataError(f"{path}: class names must differ by more than upper and lower case, got {', '.join(names)}")
    return tuple(names)


def _parse(path: Path, header: _Header) -> tuple[Any, Any]:
    from aeon.datasets import load_from_ts_file

    try:
        data, labels = load_from_ts_file(str(path), encoding=header.encoding)
    except Exception as error:  # aeon meets odd lines with errors of many kinds
        found = _odd_row(header) or re.sub(r"Error loading <.*?>\. ", "", str(error))
        raise DataError(
            f"{path}: {found}; the file may be cut off or damaged: fetch it again, or mend or remove that example"
        ) from None
    return data, labels


def _odd_row(header: _Header) -> str | None:
    """The first line that does not fit, in words."""
    shape: tuple[int, int] | None = None
    for i, row in enumerate(header.rows):
        where = f"example {i + 1} (line {header.first_row + i})"
        parts = row.strip().split(":")
        channels = [part.split(",") for part in (parts if header.class_names is None else parts[:-1])]
        if not channels:
            return f"{where} holds no values" + ("" if row.strip() else ": the line is empty")
        if shape is None or not header.equal_length:
            shape = (len(channels) if shape is None else shape[0], len(channels[0]))
        if len(channels) != shape[0]:
            return f"{where} has {len(channels)} channels, where the first example has {shape[0]}"
        for j, channel in enumerate(channels):
            if len(channel) != shape[1]:
                first = "example" if header.equal_length else "channel"
                return f"channel {j + 1} of {where} has {len(channel)} samples, where the first {first} has {shape[1]}"
            wrong = next((value for value in channel if not _is_number(value)), None)
            if wrong is not None:
                return f"channel {j + 1} of {where} holds `{wrong[:40]}`, which is no number"
    return None


def _is_number(text: str) -> bool:
    try:
        float(text.replace("?", "nan"))
    except ValueError:
        return False
    return True


def _restore(labels: npt.NDArray[np.str_], class_names: tuple[str, ...], path: Path) -> Labels:
    """Labels as the header spells them; a label that it does not name is the rest of a line that was cut."""
    spelled = {_as_aeon(name): name for name in class_names}
    for i, label in enumerate(labels):
        if str(label).strip() not in spelled:
            raise DataError(
                f"{path}: example {i + 1} has the label `{str(label).strip()[:40]}`, the header names only "
                f"{', '.join(class_names)}; the file may be cut off or damaged: fetch it again"
            )
    return np.array([spelled[str(label).strip()] for label in labels], dtype=np.str_)


def _as_aeon(name: str) -> str:
    """A class name as aeon gives it, which takes ``nan`` and ``?`` for missing values even there."""
    return name.lower().replace("nan", "NaN").replace("?", "NaN")
