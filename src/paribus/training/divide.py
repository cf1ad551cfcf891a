"""Who trains, who validates and who tests in a trial, and the normalisation that follows from it."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paribus.data.dataset import Dataset
from paribus.data.drop import reduce_training
from paribus.data.fingerprint import fingerprint
from paribus.data.normalise import Normalisation
from paribus.data.normalise import fit as fit_normalisation
from paribus.data.sources import load_dataset
from paribus.data.split import folds, split
from paribus.errors import TrainingError
from paribus.record import Part
from paribus.spec import DataSpec, TrialSpec
from paribus.training.augment import check as check_augmentation
from paribus.training.rng import numpy_generator, stream_seed

Rows = npt.NDArray[np.int64]


@lru_cache(maxsize=2)
def load_once(spec: DataSpec) -> tuple[Dataset, str]:
    """The data and their fingerprint. A worker keeps two sets between trials; images are memory maps."""
    dataset = load_dataset(spec)
    return dataset, fingerprint(dataset)


def load_anew() -> None:
    """Forget what `load_once` keeps: in a notebook, files may have changed since the run before."""
    load_once.cache_clear()


class Parts(NamedTuple):
    """Rows of each part, and the normalisation by the training part alone."""

    rows: dict[Part, Rows]
    normalisation: Normalisation
    dropped: dict[str, int]
    """What was left out of training, by reason."""


def divide(spec: TrialSpec) -> tuple[Parts, ...]:
    """One division or, in cross-validation, one for each fold.

    Raises:
        DataError: the data cannot be split, reduced or normalised as asked.
        TrainingError: a batch is larger than the training part, or an augmentation does not suit the data.
    """
    dataset, _ = load_once(spec.data.origin())
    check_augmentation(spec.train.augmentation, dataset.kind, dataset.input_shape, dataset.x.dtype)
    if spec.data.folds is not None:
        divided = folds(dataset, spec.data, stream_seed(spec.seed_of("split"), "split", "folds") % 2**32)
        return tuple(_parts(dataset, spec, rows, f"fold {i}") for i, rows in enumerate(divided))
    rng = numpy_generator(spec.seed_of("split"), "split")
    return (_parts(dataset, spec, split(dataset, spec.data, rng), rng=rng),)


def n_trainings(spec: TrialSpec) -> int:
    """How many trainings a trial has: one or one for each fold, and one more to refit."""
    folds = spec.data.folds
    if folds == "groups":
        dataset, _ = load_once(spec.data.origin())
        folds = 1 if dataset.group is None else len(np.unique(dataset.group[dataset.part == "train"]))
    return (folds or 1) + (spec.train.refit == "all")


def everything(spec: TrialSpec, divided: tuple[Parts, ...]) -> Parts:
    """Training and validation together as the training part, and no validation part: for ``train.refit: all``."""
    dataset, _ = load_once(spec.data.origin())
    # What was left out of training is looked at anew: it may be no copy of anything now.
    taken = [np.flatnonzero(dataset.part == "train"), *(parts.rows["validation"] for parts in divided)]
    rows: dict[Part, Rows] = {
        "train": np.unique(np.concatenate(taken)),
        "validation": np.empty(0, np.int64),
        "test": divided[0].rows["test"],
    }
    return _parts(dataset, spec, rows, "everything")


def _parts(
    dataset: Dataset,
    spec: TrialSpec,
    rows: dict[Part, Rows],
    stream: str = "",
    rng: np.random.Generator | None = None,
) -> Parts:
    rng = rng or numpy_generator(spec.seed_of("split"), "split", stream)
    rows, dropped = reduce_training(dataset, rows, spec.data, rng)
    n_train = len(rows["train"])
    if spec.train.batch_size > n_train:
        raise TrainingError(
            f"train.batch_size {spec.train.batch_size} is larger than the training part, which has {n_train} "
            f"examples after the validation split and what data.drop and data.limit leave: use at most {n_train}"
        )
    normalisation = fit_normalisation(dataset.x, rows["train"], spec.data.normalise, dataset.kind)
    return Parts(rows, normalisation, dropped)
