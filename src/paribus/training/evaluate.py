"""What a network says of examples: the one way for training, `evaluate` and `predict`."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from paribus.kernels.fold import fold
from paribus.training.examples import Examples

EVALUATION_BATCH = 256
"""Part of what makes predictions repeat to the last bit: results of large matrix products can depend on it."""


@torch.no_grad()
def predict_logits(model: nn.Module, examples: Examples) -> torch.Tensor:
    """Logits in evaluation mode, in fp32 whatever training's precision; never augmented.

    Args:
        model: left in evaluation mode.
        examples: prepared for the model's device.

    Returns:
        (n, n_classes) float32, on the CPU.
    """
    folded = fold(model.eval())
    positions = torch.arange(len(examples)).split(EVALUATION_BATCH)
    return torch.cat([folded(examples.batch(batch)).float().cpu() for batch in positions])


def loss_and_accuracy(logits: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
    """Mean cross-entropy over examples (computed in float64) and share of correct ones.

    Args:
        logits: (n, n_classes), on the CPU.
        y: (n,) int64, on the CPU.
    """
    loss = cross_entropy(logits.double(), y).item()
    return loss, (logits.argmax(1) == y).double().mean().item()
