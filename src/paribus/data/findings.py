"""What data hold and what is odd about them, found before anything is trained."""

from collections.abc import Iterable, Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt

from paribus.data.audit import finite
from paribus.data.dataset import PARTS, Dataset
from paribus.data.duplicates import (
    Rows,
    conflicting,
    constant,
    content_groups_of,
    near_duplicates,
    perceptual_hashes,
    surplus,
)
from paribus.data.signals import signal_findings
from paribus.data.words import first_names, number, some
from paribus.errors import DataError
from paribus.record import DataAudit, Finding, Part

IMBALANCE = 1.5
"""Largest class to smallest, from which on classes are called unbalanced."""
NEAR = 2
"""Most bits of 63 in which the perceptual hashes of near-duplicates differ."""

_PART_WORDS: dict[Part, str] = {"train": "training", "validation": "validation", "test": "test"}


def audit(dataset: Dataset, *, near_duplicates: bool = False) -> DataAudit:
    """Counts by official part and class, formats of the files, and all findings, as the data were loaded.

    Args:
        dataset: as its source gave it.
        near_duplicates: also look for images that look alike without being equal.

    Raises:
        DataError: near-duplicates are asked for of data that are not images.
    """
    if near_duplicates and dataset.kind != "image":
        raise DataError("near-duplicates are looked for by what images look like; these data are EEG")
    findings = [
        *_unreadable(dataset),
        *_non_finite(dataset),
        *_imbalance(dataset),
        *_group_balance(dataset),
        *_constant(dataset),
        *_duplicates(dataset),
        *_conflicting(dataset),
        *_cross_split(dataset),
        *(_near(dataset) if near_duplicates else ()),
        *(signal_findings(dataset) if dataset.kind == "eeg" else ()),
    ]
    counts: dict[str, tuple[int, ...]] = {
        part: tuple(_counts(dataset, part).tolist()) for part in PARTS if (dataset.part == part).any()
    }
    return DataAudit(counts=counts, formats=dict(dataset.formats), findings=tuple(findings))


def _unreadable(dataset: Dataset) -> Iterator[Finding]:
    if dataset.unreadable:
        n = len(dataset.unreadable)
        text = f"{number(n, 'file')} could not be decoded and {'was' if n == 1 else 'were'} left out"
        yield Finding("unreadable", n, text, dataset.unreadable)


def _non_finite(dataset: Dataset) -> Iterator[Finding]:
    wrong = np.flatnonzero(~finite(dataset.x))
    if len(wrong):
        text = f"{number(len(wrong), 'example')} with NaN or infinite values"
        yield Finding("non_finite", len(wrong), text, first_names(dataset, wrong))


def _imbalance(dataset: Dataset) -> Iterator[Finding]:
    counts = _counts(dataset, "train")
    if counts.min() * IMBALANCE > counts.max():
        return
    least, most = int(counts.argmin()), int(counts.argmax())
    ratio = f", {counts[most] / counts[least]:.1f} : 1" if counts[least] else ""
    text = (
        f"classes are unbalanced: of {number(int(counts.sum()), 'training example')} {counts[most]:,} are "
        f"`{dataset.class_names[most]}` and {counts[least]:,} `{dataset.class_names[least]}`{ratio}"
    )
    yield Finding("imbalance", int(counts[least]), text, (dataset.class_names[least],))


def _group_balance(dataset: Dataset) -> Iterator[Finding]:
    """Of subjects whose classes are unbalanced; a classifier may learn to tell the subject instead of the class."""
    if dataset.group is None:
        return
    groups, member = np.unique(dataset.group, return_inverse=True)
    counts = np.zeros((len(groups), dataset.n_classes), dtype=np.int64)
    np.add.at(counts, (member, dataset.y), 1)
    uneven = np.flatnonzero(counts.min(axis=1) * IMBALANCE <= counts.max(axis=1))
    if not len(uneven):
        return
    worst = uneven[np.argmin(counts[uneven].min(axis=1) / counts[uneven].max(axis=1))]
    split = " : ".join(map(str, sorted(counts[worst].tolist(), reverse=True)))
    text = (
        f"{len(uneven)} of {number(len(groups), 'group')} {'has' if len(uneven) == 1 else 'have'} a class at least "
        f"{IMBALANCE} times as large as another; the most uneven, {groups[worst]}, has {split}"
    )
    yield Finding("group_imbalance", int(counts[uneven].sum()), text, some(groups[uneven].tolist()))


def _constant(dataset: Dataset) -> Iterator[Finding]:
    rows = np.flatnonzero(constant(dataset))
    if not len(rows):
        return
    zero = sum(not dataset.x[row].any() for row in rows)
    if dataset.kind == "image":
        text = f"{number(len(rows), 'image')} of a single colour"
    else:
        text = f"{number(len(rows), 'trial')} without a signal, every channel flat"
    text += f" ({_by_part(dataset, rows)}); all {_zero_word(dataset)}: {zero:,}"
    yield Finding("constant", len(rows), text, first_names(dataset, rows))


def _duplicates(dataset: Dataset) -> Iterator[Finding]:
    groups = content_groups_of(dataset)
    for part in PARTS:
        rows = np.flatnonzero(dataset.part == part)
        copies = rows[surplus(groups[rows])]
        if not len(copies):
            continue
        distinct = len(np.unique(groups[copies]))
        word = f"{_PART_WORDS[part]} example"
        text = (
            f"{number(len(copies), word)} {'is an exact copy' if len(copies) == 1 else 'are exact copies'} of an "
            f"earlier {word}: {number(distinct, 'group')} of equal ones, {len(copies) + distinct:,} examples in all"
        )
        if part == "train" and "validation" not in dataset.part:
            text += "; a validation split that is drawn may part them"
        yield Finding("duplicates", len(copies), text, _pairs(dataset, copies, _firsts(groups, rows, copies)))


def _conflicting(dataset: Dataset) -> Iterator[Finding]:
    groups = content_groups_of(dataset)
    rows = np.flatnonzero(dataset.part == "train")
    wrong = rows[conflicting(groups[rows], dataset.y[rows])]
    if len(wrong):
        distinct = len(np.unique(groups[wrong]))
        text = (
            f"{number(distinct, 'group')} of exact copies in training {'has' if distinct == 1 else 'have'} conflicting "
            f"classes, {len(wrong):,} examples in all"
        )
        wrong = wrong[np.argsort(groups[wrong], kind="stable")]  # copies side by side
        yield Finding("conflicting", len(wrong), text, first_names(dataset, wrong))


def _cross_split(dataset: Dataset) -> Iterator[Finding]:
    groups = content_groups_of(dataset)
    for earlier, later in combinations(PARTS, 2):
        there, here = (np.flatnonzero(dataset.part == part) for part in (earlier, later))
        both = here[np.isin(groups[here], groups[there])]
        if not len(both):
            continue
        classes = set(zip(groups[there].tolist(), dataset.y[there].tolist(), strict=True))
        others = sum(pair not in classes for pair in zip(groups[both].tolist(), dataset.y[both].tolist(), strict=True))
        text = (
            f"{len(both):,} of {number(len(here), f'{_PART_WORDS[later]} example')} "
            f"also {'stands' if len(both) == 1 else 'stand'} in {_PART_WORDS[earlier]} as exact copies "
            f"({len(np.unique(groups[both])):,} distinct; {np.isin(groups[there], groups[both]).sum():,} copies in "
            f"{_PART_WORDS[earlier]})"
        )
        text += f"; {others:,} of them with another class there" if others else ""
        examples = _pairs(dataset, both, _firsts(groups, there, both))
        yield Finding("cross_split_duplicates", len(both), text, examples)


def _near(dataset: Dataset) -> Iterator[Finding]:
    candidates = np.flatnonzero(~surplus(content_groups_of(dataset)) & ~constant(dataset))
    part = np.unique(dataset.part[candidates], return_inverse=True)[1]
    touched, apart = (np.zeros(len(candidates), dtype=np.bool_) for _ in range(2))
    n_pairs, n_apart, shown = 0, 0, np.empty((0, 2), dtype=np.int64)
    for pairs in near_duplicates(perceptual_hashes(dataset.x)[candidates], NEAR):
        across = pairs[part[pairs[:, 0]] != part[pairs[:, 1]]]
        touched[pairs], apart[across] = True, True
        n_pairs, n_apart = n_pairs + len(pairs), n_apart + len(across)
        shown = np.concatenate([shown, pairs[: 1000 - len(shown)]])
    if not n_pairs:
        return
    shown = candidates[shown[np.lexsort(shown.T[::-1])]]
    text = (
        f"{number(int(touched.sum()), 'image')} look nearly like another, in {number(n_pairs, 'pair')}, of which "
        f"{n_apart:,} (with {number(int(apart.sum()), 'image')}) lie across parts: perceptual hashes that differ in at "
        f"most {NEAR} bits of 63, exact copies and constant images aside; look at them before you trust it"
    )
    yield Finding("near_duplicates", int(touched.sum()), text, _pairs(dataset, shown[:, 1], shown[:, 0]))


def _counts(dataset: Dataset, part: Part) -> npt.NDArray[np.int64]:
    return np.bincount(dataset.y[dataset.part == part], minlength=dataset.n_classes)


def _by_part(dataset: Dataset, rows: Rows) -> str:
    counts = {part: int((dataset.part[rows] == part).sum()) for part in PARTS}
    return ", ".join(f"{n:,} in {_PART_WORDS[part]}" for part, n in counts.items() if n)


def _zero_word(dataset: Dataset) -> str:
    return "black" if dataset.x.dtype == np.uint8 else "zero"


def _firsts(groups: Rows, among: Rows, rows: Rows) -> Rows:
    """For each of rows the first of ``among`` that is of its group."""
    present, first = np.unique(groups[among], return_index=True)
    return among[first[np.searchsorted(present, groups[rows])]]


def _pairs(dataset: Dataset, rows: Iterable[int], originals: Iterable[int]) -> tuple[str, ...]:
    """``copy = original`` for the first few."""
    names = dataset.ids if dataset.names is None else dataset.names
    return some([f"{names[row]} = {names[original]}" for row, original in zip(rows, originals, strict=True)])
