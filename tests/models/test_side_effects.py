"""Code of one's own sets and draws what it likes, and leaves no trace."""

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from paribus.models.build import create
from paribus.models.side_effects import seeded
from paribus.spec import ModuleSpec

SETS_EVERYTHING = """
import os
import random
import numpy
import torch

os.mkdir("elsewhere")
os.chdir("elsewhere")
random.seed(1), numpy.random.seed(1), torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
torch.set_default_device("meta")
torch.set_num_threads(torch.get_num_threads() + 1)
torch.set_grad_enabled(False)
torch.use_deterministic_algorithms(not torch.are_deterministic_algorithms_enabled())
torch.set_float32_matmul_precision("medium")

class Net(torch.nn.Linear):
    def __init__(self, n_classes):
        super().__init__(3, n_classes)
    def forward(self, x):
        return super().forward(x.flatten(1))
"""


def test_what_a_module_sets_at_its_start_touches_no_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net_that_sets.py").write_text(SETS_EVERYTHING)

    def settings() -> list[Any]:
        return [
            os.getcwd(),
            (random.random(), float(np.random.random()), float(torch.rand(1))),  # noqa: NPY002  # what others draw from
            torch.get_default_dtype(),
            torch.get_default_device(),
            torch.get_num_threads(),
            torch.is_grad_enabled(),
            torch.get_deterministic_debug_mode(),
            torch.get_float32_matmul_precision(),
        ]

    def weights() -> torch.Tensor:
        network = create(ModuleSpec(name="net_that_sets:Net"), (1, 1, 3), 2, lambda name: 7)
        assert network.weight.dtype == torch.float32
        return network.weight.detach()

    with seeded(3):
        before = settings()
    with seeded(3):
        first = weights()
        assert settings() == before
    assert torch.equal(first, weights()), "when it is imported, and later"
