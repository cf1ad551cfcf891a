"""Adam in the order of memory, against PyTorch's own that goes through tensors by their places."""

from collections.abc import Callable

import pytest
import torch
from torch import optim
from torch.nn import Parameter
from torch.profiler import profile

from paribus.spec import AdamSpec, AdamWSpec
from paribus.training.optimiser import make_optimizer

Layout = Callable[[torch.Tensor], torch.Tensor]


def channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.to(memory_format=torch.channels_last)


def turned(x: torch.Tensor) -> torch.Tensor:
    return x.transpose(0, 3).contiguous().transpose(0, 3)


def with_gaps(x: torch.Tensor) -> torch.Tensor:
    wide = x.new_full((*x.shape[:-1], 2 * x.shape[-1]), 7.0)
    wide[..., ::2] = x
    return wide[..., ::2]


@pytest.mark.parametrize("of_gradient", [torch.clone, channels_last, turned, with_gaps])
@pytest.mark.parametrize("of_parameter", [torch.clone, channels_last, turned, with_gaps])
@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_any_layout_gives_what_the_plain_optimiser_does(kind: str, of_parameter: Layout, of_gradient: Layout) -> None:
    draws = torch.Generator().manual_seed(3)
    start, step = (torch.randn(8, 4, 3, 3, dtype=torch.float64, generator=draws) for _ in range(2))
    ours, plain = Parameter(of_parameter(start)), Parameter(start.clone())
    spec = AdamSpec(name="adam", weight_decay=0.1) if kind == "adam" else AdamWSpec(name="adamw", weight_decay=0.1)
    reference = optim.Adam if kind == "adam" else optim.AdamW
    own, other = make_optimizer(spec, [ours]), reference([plain], lr=spec.lr, weight_decay=0.1, foreach=False)
    for i in range(4):
        gradient = step.roll(i, 0) * (i + 1)
        ours.grad, plain.grad = of_gradient(gradient), gradient.clone()
        own.step()
        other.step()
    torch.testing.assert_close(ours.detach(), plain.detach(), rtol=1e-12, atol=1e-12)
    assert own.state[ours]["exp_avg"].shape == ours.shape


def test_gradients_of_convolutions_are_not_copied() -> None:
    weight = Parameter(channels_last(torch.randn(8, 4, 3, 3)))
    weight.grad = channels_last(torch.randn(8, 4, 3, 3))
    optimizer = make_optimizer(AdamSpec(name="adam"), [weight])
    optimizer.step()
    with profile() as seen:
        optimizer.step()
    names = {event.key for event in seen.key_averages()}
    assert "aten::_fused_adam_" in names
    assert "aten::clone" not in names
