"""What a network says of examples: the one way for training, `evaluate` and `predict`."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from paribus.kernels.lower import lower
from paribus.spec import Precision
from paribus.training.examples import Examples

EVALUATION_BATCH = 256
"""Part of what makes predictions repeat to the last bit: results of large matrix products can depend on it."""


@torch.no_grad()
def predict_logits(model: nn.Module, examples: Examples, precision: Precision) -> torch.Tensor:
    """Logits in evaluation mode; never augmented.

    Args:
        model: left in evaluation mode.
        examples: prepared for the model's device.
        precision: that the model was trained in.

    Returns:
        (n, n_classes) float32, on the CPU.
    """
    fast = lower(model.eval())
    positions = torch.arange(len(examples)).split(EVALUATION_BATCH)
    with casting(examples.device, precision):
        return torch.cat([fast(examples.batch(batch)).float() for batch in positions]).cpu()


def casting(device: torch.device, precision: Precision) -> torch.autocast:
    """Convolutions and matrix products in the precision asked for; sums and statistics stay in fp32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def loss_and_accuracy(logits: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
    """Mean cross-entropy over examples (computed in float64) and share of correct ones.

    Args:
        logits: (n, n_classes), on the CPU.
        y: (n,) int64, on the CPU.
    """
    loss = cross_entropy(logits.double(), y).item()
    return loss, (logits.argmax(1) == y).double().mean().item()
