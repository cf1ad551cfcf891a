"""The first layers of EEG networks as one convolution, exactly.

Both start from one plane (B, 1, n_channels, n_times) with filters over time, then over channels. Nothing that is not
linear stands between, so one convolution from all channels at once gives the same, without the large planes between.
"""

from typing import Any

import torch
from torch import nn
from torch.nn.functional import conv2d, pad

from paribus.kernels.chain import pair
from paribus.kernels.front import front, usable
from paribus.kernels.norm import fixed, follow, keeps_statistics


def merges(layers: list[nn.Module]) -> int:
    """2 where the layers start with a convolution over time and one over all channels (DeepConvNet), else 0."""
    return 2 if len(layers) > 1 and _over_time(layers[0]) and _over_channels(layers[1], groups=1) else 0


def separates(layers: list[nn.Module]) -> int:
    """3 where they start with filters over time, their norm, and filters over channels for each (EEGNet), else 0."""
    if len(layers) < 3 or not _over_time(layers[0]) or type(layers[1]) is not nn.BatchNorm2d:
        return 0
    first: Any = layers[0]
    kernel, padding = first.kernel_size[1], pair(first.padding)[1]
    centred = kernel % 2 == 1 and padding == kernel // 2
    suits = keeps_statistics(layers[1]) and _over_channels(layers[2], groups=first.out_channels)
    return 3 if centred and suits else 0


def _over_time(layer: nn.Module) -> bool:
    return (
        type(layer) is nn.Conv2d
        and layer.in_channels == 1
        and layer.kernel_size[0] == 1
        and layer.stride == (1, 1)
        and layer.dilation == (1, 1)
        and not isinstance(layer.padding, str)
        and pair(layer.padding)[0] == 0
        and layer.padding_mode == "zeros"
    )


def _over_channels(layer: nn.Module, groups: int) -> bool:
    return (
        type(layer) is nn.Conv2d
        and layer.groups == groups
        and layer.kernel_size[1] == 1
        and layer.stride == (1, 1)
        and layer.dilation == (1, 1)
        and not isinstance(layer.padding, str)
        and pair(layer.padding) == (0, 0)
    )


class MergedConvolutions(nn.Module):
    """A convolution over time, then one over all channels, as one.

    Args:
        first: (F, 1, 1, k), stride 1.
        second: (G, F, n_channels, 1).
    """

    def __init__(self, first: nn.Conv2d, second: nn.Conv2d) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, second = self.first, self.second
        if x.shape[2] != second.kernel_size[0]:
            return second(first(x))  # type: ignore[no-any-return]
        with torch.autocast(x.device.type, enabled=False):
            kernel = torch.einsum("gfc,fk->gck", second.weight[..., 0], first.weight[:, 0, 0])[:, :, None]
            bias = second.bias
            if first.bias is not None:
                through = second.weight[..., 0].sum(-1) @ first.bias
                bias = through if bias is None else through + bias
        return conv2d(_channels_first(x), kernel, bias, padding=(0, pair(first.padding)[1]))


class TemporalThenSpatial(nn.Module):
    """Filters over time, batch norm, filters over channels for each, as one convolution.

    Given the batch's mean and variance after the first filters, all is linear. They follow from the input's second
    moments: for the filter w the sum of squares of its output is w'Rw, where R[j, k] sums x[t + j] x[t + k] over all
    channels and trials.

    Args:
        first: (F, 1, 1, k), k odd, stride 1, padded to keep the length.
        norm: over F.
        second: (D * F, 1, n_channels, 1), F groups.
    """

    def __init__(self, first: nn.Conv2d, norm: nn.BatchNorm2d, second: nn.Conv2d) -> None:
        super().__init__()
        self.first, self.norm, self.second = first, norm, second

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, norm, second = self.first, self.norm, self.second
        suits = x.shape[1] == 1 and x.shape[2] == second.kernel_size[0] and not x.requires_grad
        suits &= x.device.type != "mps"  # which has no float64
        enough = x.numel() > 1 and x.shape[3] >= first.kernel_size[1]
        if not suits or torch.is_grad_enabled() != norm.training or (norm.training and not enough):
            return second(norm(first(x)))  # type: ignore[no-any-return]
        with torch.autocast(x.device.type, enabled=False):
            scale, shift = self._of_the_batch(x) if norm.training else fixed(norm)
            over_time, over_channels = scale[:, None] * first.weight[:, 0, 0], second.weight[:, 0, :, 0]
            shift = shift if first.bias is None else scale * first.bias + shift
            times = second.out_channels // first.out_channels
            bias = over_channels.sum(1) * shift.repeat_interleave(times)
            bias = bias if second.bias is None else bias + second.bias
        padding = first.kernel_size[1] // 2
        if usable(x, over_time):
            return front(x, over_time, over_channels, bias, padding)
        kernel = over_channels[:, :, None] * over_time.repeat_interleave(times, 0)[:, None]
        return conv2d(_channels_first(x), kernel[:, :, None], bias, padding=(0, padding))

    def _of_the_batch(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scale and shift (F,) of the norm for these examples; moves its running statistics."""
        first, norm = self.first, self.norm
        w, n = first.weight[:, 0, 0], x.numel()
        with torch.no_grad():
            products, total = (each.to(w.dtype) for each in _moments(x.flatten(0, 2), w.shape[1]))
        mean = w @ total / n
        variance = ((w @ products) * w).sum(1) / n - mean * mean
        if first.bias is not None:
            mean = mean + first.bias
        follow(norm, mean.detach(), variance.detach(), n)
        scale = norm.weight * torch.rsqrt(variance.clamp_min(0) + norm.eps)
        return scale, norm.bias - mean * scale


def _channels_first(x: torch.Tensor) -> torch.Tensor:
    """(B, 1, n_channels, n_times) -> (B, n_channels, 1, n_times)."""
    return x.transpose(1, 2).contiguous(memory_format=torch.channels_last)


def _moments(x: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Second moments (k, k) and sums (k,) of all windows of k samples of x (n, T), padded with k // 2 zeros.

    With h = k // 2, entries [j, m] with j <= h <= m have the whole signal in them: the autocorrelation at m - j. Along
    each diagonal the next entry follows from what enters at one end of the signal and leaves at the other.
    """
    h, length = k // 2, x.shape[1]
    x = x.double()
    size = 1 << (length + k - 1).bit_length()
    spectrum = torch.fft.rfft(x, size)
    lags = torch.fft.irfft((spectrum.real**2 + spectrum.imag**2).sum(0), size)[:k]
    padded = pad(x, (h, h))
    head, tail = padded[:, : k - 1], padded[:, length:]
    change = tail.T @ tail - head.T @ head  # (k - 1, k - 1): from [j, m] to [j + 1, m + 1]
    places = torch.arange(k, device=x.device)
    products = lags[(places[:, None] - places).abs()]
    products[h + 1 :, h + 1 :] += _sums_along_diagonals(change[h:, h:])
    products[:h, :h] -= _sums_along_diagonals(change[:h, :h].flip(0, 1)).flip(0, 1)
    ends = torch.zeros(k, dtype=x.dtype, device=x.device)
    ends[1:] = (tail.sum(0) - head.sum(0)).cumsum(0)
    return products, ends - ends[h] + x.sum()


def _sums_along_diagonals(x: torch.Tensor) -> torch.Tensor:
    """Each entry of x (n, n) with all that stand on its diagonal above it."""
    n = len(x)
    if n == 0:  # filters of one sample have no ends
        return x
    skewed = pad(x.flip(1), (0, n)).flatten()[: n * (2 * n - 1)].view(n, 2 * n - 1)  # a diagonal is a column
    return pad(skewed.cumsum(0).flatten(), (0, n)).view(n, 2 * n)[:, :n].flip(1)
