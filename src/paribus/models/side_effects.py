"""Code of one's own may draw from anything and set anything, without a trace in what comes after it in the process.

Imports neither torch nor NumPy: what is not loaded has nothing to keep.
"""

import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def seed_everything(seed: int) -> None:
    """Seed all that Python, NumPy and PyTorch draw from without being given a generator.

    Args:
        seed: 0 to 2**63 - 1.
    """
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(seed % 2**32)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)


@contextmanager
def draws_kept() -> Iterator[None]:
    """What `seed_everything` seeds is afterwards as it was before; of a GPU see PyTorch's `fork_rng`."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    before = random.getstate(), numpy and numpy.random.get_state(), torch and torch.random.get_rng_state()
    try:
        yield
    finally:
        random.setstate(before[0])
        if numpy:
            numpy.random.set_state(before[1])
        if torch:
            torch.random.set_rng_state(before[2])


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """`seed_everything`, and afterwards all as before."""
    with draws_kept():
        seed_everything(seed)
        yield


@contextmanager
def settings_kept() -> Iterator[None]:
    """Working directory, and what PyTorch computes in and with, are afterwards as they were before.

    A script sets them at its start as a matter of course, and a trial would then depend on which module its process
    imported before it.
    """
    here, torch = os.getcwd(), sys.modules.get("torch")
    before = [(get, put, get()) for get, put in _settings(torch)] if torch else []
    try:
        yield
    finally:
        for get, put, value in before:
            if get() != value:
                put(value)
        if os.getcwd() != here:
            os.chdir(here)


def _settings(torch: Any) -> tuple[tuple[Callable[[], Any], Callable[[Any], None]], ...]:
    """What reads and what sets each."""
    return (
        # "cpu" itself would be a mode that every call goes through
        (torch.get_default_device, lambda device: torch.set_default_device(None if device.type == "cpu" else device)),
        (torch.get_default_dtype, torch.set_default_dtype),
        (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
        (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
        (torch.get_num_threads, torch.set_num_threads),
        (torch.is_grad_enabled, torch.set_grad_enabled),
    )
