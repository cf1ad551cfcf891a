"""Studies whose truth is known: which test examples the networks of several cells have right, seed by seed.

A network has an example right when a sum exceeds 0: its cell's level, how hard the example is for every cell and for
this one, how good the seed is for every cell and for this one, and chance. All are normal, so that the accuracy of a
cell over all seeds and examples is known exactly.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Right = npt.NDArray[np.bool_]

HARDNESS = 1.5
"""Standard deviation of how hard an example is for all cells; chance has 1."""
OWN_HARDNESS = 0.5
"""And for one cell."""


@dataclass(frozen=True)
class World:
    """What studies are drawn from.

    Attributes:
        accuracies: of the cells, over all seeds and examples.
        n_seeds: of a study.
        n_test: test examples of a study.
        seed_sd: standard deviation of a cell's accuracy between seeds, over all examples; about, at the first cell.
        shared: of a seed's effect, the share of variance that is the same for all cells (as the split is).
    """

    accuracies: tuple[float, ...]
    n_seeds: int
    n_test: int
    seed_sd: float
    shared: float = 0.3


def studies(world: World, n: int, seed: int = 0) -> Iterator[tuple[Right, ...]]:
    """n studies: for each cell (n_seeds, n_test), whether each example is named rightly."""
    rng = np.random.default_rng(seed)
    at = ndtri(world.accuracies[0])
    spread = np.sqrt(1 + HARDNESS**2 + OWN_HARDNESS**2)
    of_seed = world.seed_sd * spread / (np.exp(-(at**2) / 2) / np.sqrt(2 * np.pi))
    levels = ndtri(world.accuracies) * np.sqrt(spread**2 + of_seed**2)
    shape = (world.n_seeds, world.n_test)

    def draw(sd: float, *size: int) -> npt.NDArray[np.float32]:
        return np.float32(sd) * rng.standard_normal(size, dtype=np.float32)

    for _ in range(n):
        hard = draw(HARDNESS, world.n_test)
        luck = draw(of_seed * np.sqrt(world.shared), world.n_seeds, 1)
        yield tuple(
            draw(1, *shape)
            + draw(OWN_HARDNESS, world.n_test)
            + draw(of_seed * np.sqrt(1 - world.shared), world.n_seeds, 1)
            + hard
            + luck
            + np.float32(level)
            > 0
            for level in levels
        )
