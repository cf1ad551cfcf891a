"""One stream of chance for each purpose, so that changing one factor leaves every other draw as it was.

A stream is a generator seeded by a hash of the trial's seed, the purpose and, where it is used anew each epoch,
the epoch. Nothing is carried over from epoch to epoch: there is no generator state to save.
"""

import hashlib
from typing import Literal

import numpy as np
import torch

Purpose = Literal["split", "weights", "order", "augmentation", "dropout"]


def stream_seed(seed: int, purpose: Purpose, part: int | str = "") -> int:
    """The seed of a stream, from 0 to 2**63 - 1.

    Args:
        seed: the trial's.
        purpose: what the numbers are for.
        part: an epoch, or the name of a layer.
    """
    digest = hashlib.sha256(f"{seed}/{purpose}/{part}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def torch_generator(seed: int, purpose: Purpose, part: int | str = "") -> torch.Generator:
    """A stream for torch, on the CPU whatever the device, so that draws do not depend on it."""
    return torch.Generator().manual_seed(stream_seed(seed, purpose, part))


def numpy_generator(seed: int, purpose: Purpose, part: int | str = "") -> np.random.Generator:
    """A stream for numpy."""
    return np.random.default_rng(stream_seed(seed, purpose, part))
