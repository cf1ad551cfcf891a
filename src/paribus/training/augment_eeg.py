"""Augmentation of EEG: whole batches (B, 1, n_channels, n_times) float32, normalised, each trial by its own draws."""

import math
from collections.abc import Sequence

import torch

from paribus.spec import (
    ChannelDropoutSpec,
    EEGAugmentation,
    FourierSurrogateSpec,
    FunctionSpec,
    GaussianNoiseSpec,
    SignFlipSpec,
    TimeMaskSpec,
    TimeShiftSpec,
)
from paribus.training.augment_draws import Draws
from paribus.training.augment_own import apply_function

Item = tuple[EEGAugmentation | FunctionSpec, Draws]


def augment_eeg(x: torch.Tensor, items: Sequence[Item]) -> torch.Tensor:
    """A new batch: each augmentation in turn.

    Args:
        x: (B, 1, n_channels, n_times) float32.
        items: augmentations with their draws.
    """
    for spec, draws in items:
        x = _change(x, spec, draws)
    return x


def _change(x: torch.Tensor, spec: EEGAugmentation | FunctionSpec, draws: Draws) -> torch.Tensor:
    _, _, n_channels, n_times = x.shape
    match spec:
        case FunctionSpec():
            return apply_function(x, spec, draws)
        case TimeShiftSpec():
            return time_shift(x, (draws.uniform(1)[:, 0] * (2 * spec.samples + 1)).floor().long() - spec.samples)
        case ChannelDropoutSpec():
            return torch.where((draws.uniform(n_channels) < spec.p)[:, None, :, None].to(x.device), 0.0, x)
        case GaussianNoiseSpec():
            return x + spec.std * draws.normal(n_channels * n_times).view(x.shape).to(x.device)
        case SignFlipSpec():
            return torch.where(_chosen(draws, spec.p).to(x.device), -x, x)
        case TimeMaskSpec():
            u = draws.uniform(2)
            start = (u[:, 1] * (n_times - spec.samples + 1)).floor().long()[:, None]
            time = torch.arange(n_times)
            masked = (time >= start) & (time < start + spec.samples) & (u[:, :1] < spec.p)
            return torch.where(masked[:, None, None, :].to(x.device), 0.0, x)
        case FourierSurrogateSpec():
            u = draws.uniform(1 + n_times // 2 + 1)
            shifted = phase_shift(x, (2 * u[:, 1:] - 1) * spec.phase * math.pi)
            return torch.where((u[:, :1] < spec.p)[:, :, None, None].to(x.device), shifted, x)


def time_shift(x: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
    """Later by (B,) samples, earlier where negative; zeros move in.

    Args:
        x: (B, 1, n_channels, n_times).
        samples: int64.
    """
    source = torch.arange(x.shape[3]) - samples[:, None]
    inside = (source >= 0) & (source < x.shape[3])
    index = source.clamp(0, x.shape[3] - 1)[:, None, None, :].expand(x.shape).to(x.device)
    return torch.where(inside[:, None, None, :].to(x.device), x.gather(3, index), 0.0)


def phase_shift(x: torch.Tensor, phase: torch.Tensor) -> torch.Tensor:
    """Each frequency's phase shifted, in all channels alike; amplitudes stay.

    The mean and, of an even number of samples, the highest frequency stay as they are: a real signal has no phase
    there (Schwabedal et al. 2018, "Addressing class imbalance in classification problems of noisy signals by using
    Fourier transform surrogates").

    Args:
        x: (B, 1, n_channels, n_times).
        phase: (B, n_times // 2 + 1) radians.
    """
    n_times = x.shape[3]
    phase = phase.clone()
    phase[:, 0] = 0
    if n_times % 2 == 0:
        phase[:, -1] = 0
    turn = torch.polar(torch.ones_like(phase), phase).to(torch.complex64).to(x.device)
    turned: torch.Tensor = torch.fft.irfft(torch.fft.rfft(x) * turn[:, None, None, :], n=n_times)
    return turned


def _chosen(draws: Draws, p: float) -> torch.Tensor:
    """(B, 1, 1, 1) bool."""
    return (draws.uniform(1) < p)[:, :, None, None]
