"""Parquet files in the convention of the Hugging Face hub: a column of images, one of labels."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from paribus.data.images import ImageItem
from paribus.errors import DataError
from paribus.machine import available_memory
from paribus.record import Part
from paribus.suggest import did_you_mean

_ROWS = 512
"""Rows in memory at once."""
MOST_ROWS = 20_000_000
"""Of one file; a few kilobytes can stand for any number of equal rows."""


def rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Each row as a dict of these columns; an image is its encoded bytes.

    Raises:
        DataError: this is not a parquet file, it is cut off, or a column is missing.
    """
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            for column in columns:
                if column not in file.schema_arrow.names:
                    names = file.schema_arrow.names
                    raise DataError(
                        f"{path} needs a column `{column}`{did_you_mean(column, names)}; it has {', '.join(names)}"
                    )
            _refuse_large(path, file.metadata)
            for batch in file.iter_batches(_ROWS, columns=list(columns)):
                for row in batch.to_pylist():
                    yield {name: _bytes(value) for name, value in row.items()}
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as parquet: {str(error).splitlines()[0]}") from None


def columns(path: Path) -> tuple[str, ...]:
    """The names of a file's columns.

    Raises:
        DataError: this is not a parquet file.
    """
    return tuple(_schema(path).names)


def encoded(value: Any, where: str) -> bytes:
    """An encoded image; nothing at all is an image that cannot be read.

    Raises:
        DataError: the column holds something else.
    """
    if value is not None and not isinstance(value, bytes):
        raise DataError(f"{where} must hold an encoded image (bytes), holds {type(value).__name__}")
    return value or b""


def label_names(path: Path, column: str) -> tuple[str, ...] | None:
    """The names of the classes that the hub's metadata in the file give for a column; None where there are none.

    Raises:
        DataError: this is not a parquet file.
    """
    metadata = _schema(path).metadata or {}
    try:
        names = json.loads(metadata[b"huggingface"])["info"]["features"][column]["names"]
        if isinstance(names, dict):  # as older versions of the library wrote them
            names = [names[str(i)] for i in range(len(names))]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return tuple(str(name) for name in names) if isinstance(names, list) else None


def classes(labels: Sequence[Any], names: tuple[str, ...] | None, what: str) -> tuple[list[int], tuple[str, ...]]:
    """Labels from 0 and the names of the classes: the names that are known, or the distinct labels, sorted.

    Args:
        labels: whole numbers or strings.
        names: of the classes 0, 1, … where they are known.
        what: the column, for errors.

    Raises:
        DataError: labels are neither all whole numbers nor all strings, or a number has no name.
    """
    kinds = {type(label) for label in labels}
    if kinds not in ({int}, {str}):
        found = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise DataError(f"{what} must hold whole numbers or strings, one for each image, found {found}")
    if names is None:
        known = sorted(set(labels))
        position = {label: i for i, label in enumerate(known)}
        return [position[label] for label in labels], tuple(str(label) for label in known)
    position = {name: i for i, name in enumerate(names if kinds == {str} else range(len(names)))}
    for i, label in enumerate(labels):
        if label not in position:
            raise DataError(
                f"{what} must hold labels from 0 to {len(names) - 1} ({', '.join(names)}), got {label!r} in row {i}"
            )
    return [position[label] for label in labels], names


def items(path: Path, image: str, part: Sequence[Part], label: Sequence[int], name: str) -> Iterator[ImageItem]:
    """The images of a file, whose parts and labels are known already.

    Raises:
        DataError: as `rows`; or the column holds no images.
    """
    for i, row in enumerate(rows(path, [image])):
        content = encoded(row[image], f"column `{image}` of {path}, row {i}")
        yield ImageItem(part[i], label[i], f"{name} row {i}", content)


def _refuse_large(path: Path, metadata: Any) -> None:
    """By what the file says of itself as a whole: pyarrow ends the process over odd metadata of a single column."""
    if metadata.num_rows > MOST_ROWS:
        raise DataError(f"{path} has {metadata.num_rows:,} rows, more than the {MOST_ROWS:,} that are read: split it")
    for i in range(metadata.num_row_groups):
        if 2 * (size := metadata.row_group(i).total_byte_size) > available_memory():
            raise DataError(
                f"{path} has {size / 2**30:.1f} GiB in one group of rows, unpacked, more than half of this machine's "
                "free memory: write smaller groups"
            )


def _schema(path: Path) -> Any:
    import pyarrow
    from pyarrow.parquet import read_schema

    try:
        return read_schema(path)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as parquet: {str(error).splitlines()[0]}") from None


def _bytes(value: Any) -> Any:
    """``{"bytes": …, "path": …}`` is an image."""
    return value.get("bytes") if isinstance(value, dict) and "bytes" in value else value
