"""The order of training examples in an epoch."""

from typing import Literal

import torch

from paribus.training.rng import torch_generator

Sampling = Literal["shuffled", "class_balanced"]


def order(sampling: Sampling, y: torch.Tensor, seed: int, epoch: int) -> torch.Tensor:
    """(n,) int64 positions within the training part, on the CPU.

    ``shuffled`` has each example once. ``class_balanced`` is n draws with replacement: a class, each equally likely,
    then an example of it, each equally likely.

    Args:
        sampling: as in the specification.
        y: (n,) int64 classes of the training part; classes without examples are not drawn.
        seed: the trial's.
        epoch: from 1.
    """
    n, generator = len(y), torch_generator(seed, "order", epoch)
    if sampling == "shuffled":
        return torch.randperm(n, generator=generator)
    y = y.cpu()
    counts = y.bincount()
    counts = counts[counts > 0]
    starts = counts.cumsum(0) - counts  # of each class in the positions sorted by class
    drawn = torch.randint(len(counts), (n,), generator=generator)
    within = (torch.rand(n, generator=generator, dtype=torch.float64) * counts[drawn]).floor().long()
    return y.argsort(stable=True)[starts[drawn] + within]


def batches(positions: torch.Tensor, size: int) -> tuple[torch.Tensor, ...]:
    """An epoch's order in batches. A single example left over joins the batch before it: it has no variance.

    Args:
        positions: (n,) of an epoch.
        size: of a batch, at most n; the last may be smaller.
    """
    parts: tuple[torch.Tensor, ...] = torch.split(positions, size)
    if size > 1 and len(parts) > 1 and len(parts[-1]) == 1:
        return *parts[:-2], torch.cat(parts[-2:])
    return parts


def copies(positions: torch.Tensor) -> torch.Tensor:
    """(n,) int64: how often each position has stood in the order before.

    Args:
        positions: (n,) int64, an epoch's `order`.
    """
    values, where = positions.sort(stable=True)
    index = torch.arange(len(values))
    first = torch.searchsorted(values, values)
    found = torch.empty_like(index)
    found[where] = index - first
    return found
