"""Batch normalisation's statistics, where PyTorch does not compute them."""

import torch
from torch import nn


def keeps_statistics(norm: nn.BatchNorm2d | nn.Module) -> bool:
    """Whether it has weights, and running statistics that move by a fixed share."""
    return isinstance(norm, nn.BatchNorm2d) and norm.affine and norm.track_running_stats and norm.momentum is not None


@torch.no_grad()
def fixed(norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale and shift (C,) of each channel in evaluation.

    Args:
        norm: `keeps_statistics`.
    """
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.double() * torch.rsqrt(norm.running_var.double() + norm.eps)
    shift = norm.bias.double() - norm.running_mean.double() * scale
    return scale.to(norm.weight.dtype), shift.to(norm.weight.dtype)


@torch.no_grad()
def follow(norm: nn.BatchNorm2d, mean: torch.Tensor, variance: torch.Tensor, n: int) -> None:
    """Move the running statistics towards a batch's.

    Args:
        norm: `keeps_statistics`.
        mean: (C,) of the batch.
        variance: (C,) of the batch, without Bessel's correction, which is made here.
        n: values a channel, at least 2.
    """
    share, kept_mean, kept_variance, count = (
        norm.momentum,
        norm.running_mean,
        norm.running_var,
        norm.num_batches_tracked,
    )
    assert share is not None
    assert kept_mean is not None
    assert kept_variance is not None
    assert count is not None
    kept_mean.lerp_(mean.to(kept_mean.dtype), share)
    kept_variance.lerp_((variance * (n / (n - 1))).to(kept_variance.dtype), share)
    count.add_(1)
