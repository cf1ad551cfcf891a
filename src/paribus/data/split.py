"""Who trains, who validates, who tests.

All draws depend on the labels, the groups, how to draw and the generator alone; in particular not on x.
"""

import warnings

import numpy as np
import numpy.typing as npt

from paribus.data.dataset import Dataset
from paribus.errors import DataError
from paribus.record import Part
from paribus.spec import Preparation

Rows = npt.NDArray[np.int64]
Strings = npt.NDArray[np.str_]

_TEST_SEED = 20_030_617
"""For test parts that are drawn: one seed for all studies, so that no seed of a trial ever moves a test example."""
_EXHAUSTIVE = 12
"""Up to so many groups all ways to divide them are looked at, beyond it as many as `_DRAWN` random ones."""
_DRAWN = 2048


def split(dataset: Dataset, preparation: Preparation, rng: np.random.Generator) -> dict[Part, Rows]:
    """The rows of each part, sorted.

    Validation is the official part where there is one and ``official_validation`` asks for it; else that part is left
    unused and validation is drawn from the training part: by class; without ``stratify`` from all of it alike, where
    validation may lack a class; with ``split_by_group`` by whole groups, and then ``stratify`` does not count.

    Args:
        dataset: after `audit.check`.
        preparation: the share to draw, from 0 to 1, and how.
        rng: of this trial's seed, for this purpose only.

    Raises:
        DataError: groups are to be kept together, but there are none, only one, or one that holds a whole class; or
            a draw without ``stratify`` leaves a class no training example.
    """
    train = np.flatnonzero(dataset.part == "train")
    validation = np.flatnonzero(dataset.part == "validation")
    if not (len(validation) and preparation.official_validation):
        if preparation.split_by_group:
            drawn = _by_group(dataset, train, preparation.validation, rng)
        elif preparation.stratify:
            drawn = stratified(dataset.y[train], preparation.validation, rng)
        else:
            drawn = _plain(dataset, train, preparation.validation, rng)
        validation, train = train[drawn], np.delete(train, drawn)
    return {"train": train, "validation": validation, "test": np.flatnonzero(dataset.part == "test")}


def folds(dataset: Dataset, preparation: Preparation, seed: int) -> tuple[dict[Part, Rows], ...]:
    """The rows of each part for each fold of cross-validation: every training example validates once.

    Args:
        dataset: after `audit.check`.
        preparation: with ``folds``.
        seed: of the draw, from 0 to 2**32 - 1; leaving one group out draws nothing.

    Raises:
        DataError: the data bring a validation part of their own, have no groups where groups are asked for, or too few
            examples (or groups) of a class.
    """
    from sklearn.model_selection import KFold, LeaveOneGroupOut, StratifiedGroupKFold, StratifiedKFold

    train, test = (np.flatnonzero(dataset.part == part) for part in ("train", "test"))
    y = dataset.y[train]
    if preparation.official_validation and (dataset.part == "validation").any():
        raise DataError(
            "data.folds draws validation from the training part, and these data bring a validation part of their own: "
            "set data.official_validation to false to leave it out"
        )
    by_group = preparation.split_by_group or preparation.folds == "groups"
    if by_group and dataset.group is None:
        raise DataError("data.folds by groups needs groups, and these data have none: give a number of folds")
    group = dataset.group[train] if by_group and dataset.group is not None else np.arange(len(train))
    n = len(np.unique(group)) if preparation.folds == "groups" else int(preparation.folds or 0)
    _enough(dataset, y, group, n, by_group=by_group, stratify=preparation.stratify)
    if preparation.folds == "groups":
        drawn = LeaveOneGroupOut()
    elif by_group:
        drawn = StratifiedGroupKFold(n, shuffle=True, random_state=seed)
    elif preparation.stratify:
        drawn = StratifiedKFold(n, shuffle=True, random_state=seed)
    else:
        drawn = KFold(n, shuffle=True, random_state=seed)
    found: list[dict[Part, Rows]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes with few examples: whether each is trained on is looked at below
        divided = list(drawn.split(np.zeros(len(train)), y, group if by_group else None))
    for rest, held in divided:
        lost = np.setdiff1d(y, y[rest])
        if len(lost):
            raise DataError(
                f"each fold must leave every class a training example, and one holds all of class "
                f"`{dataset.class_names[lost[0]]}`: use other data.folds"
            )
        found.append({"train": train[rest], "validation": train[held], "test": test})
    return tuple(found)


def _enough(
    dataset: Dataset, y: Rows, group: npt.NDArray[np.generic], n: int, *, by_group: bool, stratify: bool
) -> None:
    if n < 2:
        raise DataError("data.folds needs at least 2 groups in the training part, found one: give a number of folds")
    there = len(np.unique(group))
    if n > there:
        raise DataError(
            f"data.folds must be at most the {there} {'groups' if by_group else 'examples'} there are, got {n}"
        )
    counts = np.bincount(y, minlength=dataset.n_classes)
    if by_group and n != there and counts.max() < n:
        raise DataError(f"data.folds must be at most the {counts.max()} examples of the largest class, got {n}")
    few = np.flatnonzero((counts < n) & (counts > 0))
    if len(few) and stratify and not by_group:
        raise DataError(
            f"data.folds must be at most the examples of each class: {n} folds, and class "
            f"`{dataset.class_names[few[0]]}` has {counts[few[0]]}; use fewer, or data.stratify: false"
        )


def stratified(y: npt.NDArray[np.int64], share: float, rng: np.random.Generator) -> Rows:
    """Rows drawn class by class, sorted: of n examples round(n * share), at least 1, and at least 1 stays behind.

    Of a class with a single example none is drawn.
    """
    drawn = []
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label))
        drawn.append(rows[: min(max(round(len(rows) * share), 1), len(rows) - 1)])
    return np.sort(np.concatenate(drawn))


def draw_test(y: npt.NDArray[np.int64], share: float, group: Strings | None = None) -> Strings:
    """(N,) ``train`` or ``test``, for data without a test part: a stratified draw, the same for every seed.

    Args:
        y: (N,) classes.
        share: of the examples, from 0 to 1.
        group: (N,) groups, of which each is to be wholly in one part (``data.split_by_group``); None draws by class.

    Raises:
        DataError: there is one group only, or one that holds a whole class.
    """
    part, rng = np.full(len(y), "train", dtype="<U10"), np.random.default_rng(_TEST_SEED)
    if group is None:
        part[stratified(y, share, rng)] = "test"
        return part
    if len(groups := np.unique(group)) < 2:
        raise DataError(
            f"data.split_by_group needs at least 2 groups to draw a test part from, found only `{groups[0]}`: bring a "
            "test part of your own, or set it to false"
        )
    drawn, lost = _whole_groups(y, group, share, rng)
    if len(lost):
        raise DataError(
            f"with data.split_by_group, {len(groups)} groups cannot be divided into training and test so that each "
            f"class is trained on: class {lost[0]} would be missing; bring a test part of your own, or set it to false"
        )
    part[drawn] = "test"
    return part


def draw_in_words(share: float, part: Strings, group: Strings | None = None, *, whole_groups: bool = False) -> str:
    """How `draw_test` came to a test part, in words.

    Args:
        share: that was asked for.
        part: (N,) that came of it.
        group: (N,) where there are groups.
        whole_groups: whether they were kept whole.
    """
    if group is None or not whole_groups:
        across = "" if group is None else "; its groups are those of the training part"
        return f"test part drawn: {100 * share:g} % of each class, the same for every seed{across}"
    test = part == "test"
    n, of = (len(np.unique(group[rows])) for rows in (test, test | (part == "train")))
    found = 100 * test.sum() / np.sum(test | (part == "train"))
    return f"test part drawn: {n} of {of} groups, {found:.0f} % of the examples, the same for every seed"


def _plain(dataset: Dataset, train: Rows, share: float, rng: np.random.Generator) -> Rows:
    """Positions within train of a draw that takes no notice of classes, sorted."""
    n = len(train)
    drawn = np.sort(rng.permutation(n)[: min(max(round(n * share), 1), n - 1)])
    lost = np.setdiff1d(dataset.y[train], dataset.y[np.delete(train, drawn)])
    if len(lost):
        raise DataError(
            f"each class must keep a training example: with data.stratify: false and data.validation: {share}, this "
            f"seed draws all {np.sum(dataset.y[train] == lost[0])} of class `{dataset.class_names[lost[0]]}` for "
            "validation; set data.stratify to true, or validate on less"
        )
    return drawn


def _by_group(dataset: Dataset, train: Rows, share: float, rng: np.random.Generator) -> Rows:
    """Positions within train of the groups that validate."""
    if dataset.group is None:
        raise DataError("data.split_by_group needs groups, and these data have none: set it to false")
    if len(groups := np.unique(dataset.group[train])) < 2:
        raise DataError(
            f"data.split_by_group needs at least 2 groups in the training part, beside those that test, found only "
            f"`{groups[0]}`: set it to false"
        )
    drawn, lost = _whole_groups(dataset.y[train], dataset.group[train], share, rng)
    if len(lost):
        raise DataError(
            f"with data.split_by_group, {len(groups)} groups cannot be divided so that each class is trained on: "
            f"class `{dataset.class_names[lost[0]]}` would be missing; set it to false"
        )
    return np.flatnonzero(drawn)


def _whole_groups(
    y: npt.NDArray[np.int64], group: Strings, share: float, rng: np.random.Generator
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """(N,) whether an example's group is drawn, and the classes of which no example would be left."""
    groups, group_of = np.unique(group, return_inverse=True)
    labels, label_of = np.unique(y, return_inverse=True)
    counts = np.zeros((len(groups), len(labels)), dtype=np.int64)
    np.add.at(counts, (group_of, label_of), 1)
    chosen = _choose(counts, share, rng)
    return chosen[group_of], labels[counts[~chosen].sum(axis=0) == 0]


def _choose(counts: npt.NDArray[np.int64], share: float, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which groups are drawn: first each class on both sides, then a share as near as can be.

    Shares within a percentage point count as equally near, so that seeds differ in the groups they draw.

    Args:
        counts: (n_groups, n_classes) examples.
    """
    subsets = _subsets(len(counts), share, rng)
    inside = subsets.astype(np.int64) @ counts  # (n_subsets, n_classes)
    outside = counts.sum(axis=0) - inside
    untrained, unvalidated = (outside == 0).sum(axis=1), (inside == 0).sum(axis=1)
    miss = np.round(np.abs(inside.sum(axis=1) / counts.sum() - share), 2)
    best = np.lexsort((np.arange(len(subsets)), miss, unvalidated, untrained))[0]
    chosen: npt.NDArray[np.bool_] = subsets[best]
    return chosen


def _subsets(n_groups: int, share: float, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """(n_subsets, n_groups) in random order, none empty and none full."""
    if n_groups <= _EXHAUSTIVE:
        codes = rng.permutation(np.arange(1, 2**n_groups - 1))
        return np.asarray((codes[:, None] >> np.arange(n_groups)) % 2, dtype=np.bool_)
    probability = min(max(share, 1 / n_groups), 1 - 1 / n_groups)
    subsets = np.asarray(rng.random((_DRAWN, n_groups), dtype=np.float32) < probability)
    size = subsets.sum(axis=1)
    neither: npt.NDArray[np.bool_] = subsets[(size > 0) & (size < n_groups)]
    return neither
