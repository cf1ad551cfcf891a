"""Effective numbers by hand, and that the loss of mixed classes is the mix of losses."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

from paribus.spec import LossSpec
from paribus.training.loss import class_weights, objective


def test_effective_number_by_hand() -> None:
    """beta 0.5: (1 - 0.5) / (1 - 0.5^n) is 1, 2/3 and 4/7 for n of 1, 2 and 3; their sum is 47/21."""
    weights = class_weights(LossSpec(class_weights="effective_number", beta=0.5), np.array([1, 2, 3]))
    by_hand = [Fraction(3) * w / Fraction(47, 21) for w in (Fraction(1), Fraction(2, 3), Fraction(4, 7))]
    torch.testing.assert_close(weights, torch.tensor([float(w) for w in by_hand]))
    assert weights.sum().item() == pytest.approx(3)


@pytest.mark.parametrize(("beta", "expected"), [(1e-12, [1, 1, 1]), (1 - 1e-12, [18 / 11, 9 / 11, 6 / 11])])
def test_effective_number_goes_from_no_weights_to_inverse_counts(beta: float, expected: list[float]) -> None:
    weights = class_weights(LossSpec(class_weights="effective_number", beta=beta), np.array([1000, 2000, 3000]))
    torch.testing.assert_close(weights, torch.tensor(expected, dtype=torch.float32), rtol=1e-5, atol=0)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_loss_of_mixed_classes_is_the_mix_of_losses(smoothing: float, weighted: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn((16, 5), generator=generator, dtype=torch.float64)
    first, second = torch.randint(5, (2, 16), generator=generator)
    share = torch.rand(16, generator=generator, dtype=torch.float64)
    weights = torch.tensor([0.5, 1.0, 2.0, 3.0, 0.1], dtype=torch.float64) if weighted else None
    spec = LossSpec(label_smoothing=smoothing)
    targets = share[:, None] * one_hot(first, 5) + (1 - share[:, None]) * one_hot(second, 5)
    of_each = [
        share[i] * objective(spec, logits[i : i + 1], first[i : i + 1], weights)
        + (1 - share[i]) * objective(spec, logits[i : i + 1], second[i : i + 1], weights)
        for i in range(16)
    ]
    mixed = objective(spec, logits, targets, weights)
    torch.testing.assert_close(mixed, torch.stack(of_each).mean(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_unmixed_shares_are_plain_classes(smoothing: float) -> None:
    logits = torch.randn((8, 3), generator=torch.Generator().manual_seed(1))
    y, weights = torch.arange(8) % 3, torch.tensor([1.0, 2.0, 0.5])
    spec = LossSpec(label_smoothing=smoothing, flooding=0.1)
    hard, soft = objective(spec, logits, y, weights), objective(spec, logits, one_hot(y, 3).float(), weights)
    torch.testing.assert_close(soft, hard)
