"""Examples that are equal, look alike, or hold nothing at all."""

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from paribus.data.dataset import Dataset

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_CHUNK = 256
"""Examples looked at together, so that a memory map is never read as a whole."""
_SIDE = 8
"""Frequencies of a perceptual hash along each axis."""


def content_groups(x: npt.NDArray[Any]) -> Rows:
    """(N,) for each example the first row whose bytes are equal to its own.

    Args:
        x: (N, C, H, W), in any layout; also a memory map, which is read in pieces.
    """
    digests = np.empty(len(x), dtype="V16")
    for start, rows in chunks(x):
        for i, row in enumerate(rows, start):
            digests[i] = hashlib.blake2b(row.data, digest_size=16).digest()
    _, first, group = np.unique(digests, return_index=True, return_inverse=True)
    return first[group].astype(np.int64)


@lru_cache(maxsize=2)
def content_groups_of(dataset: Dataset) -> Rows:
    """`content_groups` of a data set's x, kept for the two data sets (the very objects) that asked last."""
    groups = content_groups(dataset.x)
    groups.flags.writeable = False
    return groups


def surplus(groups: Rows) -> Mask:
    """(n,) True for all but the first of each group."""
    mask = np.ones(len(groups), dtype=np.bool_)
    mask[np.unique(groups, return_index=True)[1]] = False
    return mask


def conflicting(groups: Rows, y: npt.NDArray[np.int64]) -> Mask:
    """(n,) True for every member of the groups whose members are of different classes."""
    _, first, member = np.unique(groups, return_index=True, return_inverse=True)
    differs = y != y[first][member]
    found: Mask = np.bincount(member, weights=differs, minlength=len(first))[member] > 0
    return found


@lru_cache(maxsize=2)
def constant(dataset: Dataset) -> Mask:
    """(N,) True for images of one colour, and for EEG whose channels are all flat; kept as `content_groups_of`."""
    mask = np.empty(len(dataset.x), dtype=np.bool_)
    axes = (2, 3) if dataset.kind == "image" else (3,)
    for start, rows in chunks(dataset.x):
        even = (rows.max(axis=axes) == rows.min(axis=axes)).reshape(len(rows), -1)
        mask[start : start + len(rows)] = even.all(axis=1)
    mask.flags.writeable = False
    return mask


def near_duplicates(hashes: npt.NDArray[np.uint64], distance: int = 2) -> Iterator[Rows]:
    """Pairs of rows whose hashes differ in few bits, each pair once, in batches of (n, 2), the smaller row first.

    Hashes are cut into ``distance + 1`` bands: two that differ in no more bits than ``distance`` must be equal in
    one band, so only rows that share a band are compared (multi-index hashing: Norouzi, Punjani and Fleet, 2012).
    Memory stays proportional to the number of rows, however many pairs there are.

    Args:
        hashes: (N,), as `perceptual_hashes` gives them.
        distance: most bits that may differ, from 0 to 15.
    """
    edges = np.linspace(0, 64, distance + 2).astype(int)
    masks = [np.uint64((1 << int(b)) - (1 << int(a))) for a, b in pairwise(edges)]
    for band, mask in enumerate(masks):
        order = np.argsort(hashes & mask, kind="stable")
        ordered = hashes[order]
        at, shift = np.arange(len(hashes) - 1), 1
        while len(at):  # neighbours in the order, then those two apart … until no band reaches that far
            difference = ordered[at] ^ ordered[at + shift]
            shared = (difference & mask) == 0
            at, difference = at[shared], difference[shared]
            new = np.bitwise_count(difference) <= distance
            for earlier in masks[:band]:  # a pair belongs to the first band that it shares
                new &= (difference & earlier) != 0
            if new.any():
                yield np.sort(np.stack([order[at[new]], order[at[new] + shift]], axis=1), axis=1)
            shift += 1
            at = at[at + shift < len(hashes)]


def perceptual_hashes(x: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """(N,) 64-bit hashes of images that survive changes of brightness, contrast, noise and compression.

    The signs of the lowest frequencies (8 x 8, without the mean) of the cosine transform of the grey image
    (pHash: Zauner, 2010, with signs in place of a median).

    Args:
        x: (N, C, H, W) images.
    """
    height, width = (_cosines(n) for n in x.shape[2:])
    hashes = np.empty(len(x), dtype=np.uint64)
    bits = np.uint64(1) << np.arange(_SIDE * _SIDE, dtype=np.uint64)
    for start, rows in chunks(x):
        grey = rows.mean(axis=1, dtype=np.float32)
        spectrum = (height @ grey @ width.T).reshape(len(rows), -1)
        spectrum[:, 0] = 0
        hashes[start : start + len(rows)] = ((spectrum > 0) * bits).sum(axis=1, dtype=np.uint64)
    return hashes


def _cosines(n: int) -> npt.NDArray[np.float32]:
    """(8, n) the slowest cosines of the transform of n samples (DCT-II)."""
    angle = np.arange(_SIDE)[:, None] * (np.arange(n) + 0.5) * np.pi / n
    return np.cos(angle).astype(np.float32)


def chunks(x: npt.NDArray[Any]) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Pieces of x, contiguous, each with the row that it begins at."""
    for start in range(0, len(x), _CHUNK):
        yield start, np.ascontiguousarray(x[start : start + _CHUNK])
