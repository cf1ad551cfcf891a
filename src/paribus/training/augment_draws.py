"""Chance in augmentation: numbers that belong to an example, whatever batch it comes in.

A counter-based generator: number j of a row is a hash of (stream, row, j), so that any of them can be had without those
before it. The hash is SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators"), whose
j-th number is a mix of seed + j * gamma; a row's own seed is one more such mix.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

Words = npt.NDArray[np.uint64]

_GAMMA = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """The numbers of one augmentation for the examples of a batch; asked again, they are the same.

    Attributes:
        stream: seed of this augmentation in this epoch (`rng.stream_seed`).
        keys: (B,) uint64, who the examples are (`keys`).
    """

    stream: int
    keys: Words

    def uniform(self, d: int) -> torch.Tensor:
        """(B, d) float64 in [0, 1), d numbers for each example; the first are the same whatever d."""
        return torch.from_numpy((self._words(d) >> np.uint64(11)) * 2.0**-53)

    def normal(self, d: int) -> torch.Tensor:
        """(B, d) float32, standard normal (Box & Muller 1958: two from each 64 bits)."""
        words = self._words((d + 1) // 2)
        high = (words >> np.uint64(32)).astype(np.float32)
        radius = np.sqrt(-2 * np.log((high + np.float32(0.5)) * np.float32(2.0**-32)))  # 0 has no logarithm
        angle = (words & np.uint64(0xFFFFFFFF)).astype(np.float32) * np.float32(2.0**-31 * np.pi)
        pairs = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        return torch.from_numpy(pairs[:, :d])

    def _words(self, d: int) -> Words:
        own = _mix(np.uint64(self.stream) + (self.keys + np.uint64(1)) * _GAMMA)
        return _mix(own[:, None] + np.arange(1, d + 1, dtype=np.uint64) * _GAMMA)


def keys(rows: torch.Tensor, n_rows: int) -> Words:
    """(B,) who the examples are: the row, and which copy of it where an epoch has the row several times.

    Args:
        rows: (B,) int64, ``row + copy * n_rows``.
        n_rows: examples in the data set.
    """
    numbers = rows.cpu().numpy().astype(np.uint64)
    copies, own = np.divmod(numbers, np.uint64(n_rows))
    return np.asarray(own + (copies << np.uint64(32)), dtype=np.uint64)


def _mix(words: Words) -> Words:
    """SplitMix64's bijection of 64-bit words; sums and products are modulo 2**64."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
