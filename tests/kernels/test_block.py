"""The compiled block against the plain layers, one after the other, in float64."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

from paribus.kernels import block as module
from paribus.kernels.block import Block, Parts, knows_activation, knows_norm, knows_pool
from paribus.kernels.dropout import Chance, Dropout
from paribus.kernels.native import Native, native

pytestmark = pytest.mark.skipif(native().library is None, reason=f"no compiled kernels: {native().why}")

ACTIVATIONS = {"relu": nn.ReLU, "leaky": lambda: nn.LeakyReLU(0.05), "elu": nn.ELU}
SHAPES: list[tuple[tuple[int, ...], Any]] = [
    ((4, 25, 1, 75), nn.MaxPool2d((1, 2))),  # a width that is no multiple of a vector, a column left over
    ((3, 32, 1, 187), nn.AvgPool2d((1, 8))),
    ((2, 16, 9, 7), nn.MaxPool2d(2)),  # a row and a column left over
    ((2, 8, 6, 6), nn.AvgPool2d((3, 2))),
    ((1, 40, 5, 4), None),  # batch of one
    ((5, 9, 3, 4), nn.MaxPool2d((1, 1))),
    ((4, 8, 3, 6), None),  # pixels in pairs
    ((4, 8, 3, 5), None),
    ((130, 17, 2, 2), nn.MaxPool2d(2)),  # one pixel a channel is left
]


def parts(channels: int, pool: Any, pre: str | None, post: str | None, dropout: Any = None) -> Parts:
    norm = nn.BatchNorm2d(channels)
    nn.init.normal_(norm.weight)  # some below 0: the largest becomes the smallest
    nn.init.normal_(norm.bias)
    return Parts(
        norm,
        ACTIVATIONS[pre]() if pre else None,
        ACTIVATIONS[post]() if post else None,
        copy.deepcopy(pool),
        dropout,
    )


def run(block: nn.Module, x: torch.Tensor, g: torch.Tensor, norm: nn.BatchNorm2d) -> dict[str, torch.Tensor]:
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = block(x)
    y.backward(g.to(y.dtype))
    assert norm.weight.grad is not None
    assert norm.bias.grad is not None
    assert x.grad is not None
    assert norm.running_mean is not None
    assert norm.running_var is not None
    found = {"y": y.detach(), "dx": x.grad, "dweight": norm.weight.grad, "dbias": norm.bias.grad}
    return {**found, "mean": norm.running_mean.clone(), "var": norm.running_var.clone()}


def plain(
    given: Parts, x: torch.Tensor, g: torch.Tensor, chance: Chance, dtype: torch.dtype
) -> dict[str, torch.Tensor]:
    """The same by PyTorch's layers and `Dropout`."""
    own = copy.deepcopy(given)
    steps = [each.to(dtype) for each in own.layers()]
    if own.dropout is not None:
        steps[-1] = Dropout(own.dropout, "d", chance)
    return run(nn.Sequential(*steps), x.to(dtype), g.to(dtype), own.norm)


def fused(given: Parts, x: torch.Tensor, g: torch.Tensor, chance: Chance) -> dict[str, torch.Tensor]:
    own = copy.deepcopy(given)
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    for each in own.layers():
        each.to(dtype)
    block = Block(own, "d", chance)
    assert block._suits(x)
    return run(block, x, g, own.norm)


def example(shape: tuple[int, ...], dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return (torch.randn(shape, dtype=torch.float64) * 2 + 1).to(dtype).contiguous(memory_format=torch.channels_last)


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a.double() - b.double()).norm() / b.double().norm().clamp_min(1e-12))


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        yield


@pytest.mark.parametrize(("pre", "post"), [(None, a) for a in (None, *ACTIVATIONS)] + [(a, None) for a in ACTIVATIONS])
@pytest.mark.parametrize(("shape", "pool"), SHAPES, ids=lambda v: str(v))
def test_exact_in_float64(shape: tuple[int, ...], pool: Any, pre: str | None, post: str | None) -> None:
    given, x = parts(shape[1], pool, pre, post), example(shape)
    g = torch.randn(_out(shape, pool), dtype=torch.float64)
    one, other = fused(given, x, g, Chance()), plain(given, x, g, Chance(), torch.float64)
    for name in one:
        assert distance(one[name], other[name]) < 1e-10, name


def _out(shape: tuple[int, ...], pool: Any) -> tuple[int, ...]:
    return tuple((pool or nn.Identity())(torch.zeros(shape)).shape)


@pytest.mark.parametrize("layer", [nn.Dropout(0.3), nn.Dropout2d(0.3)], ids=["elements", "channels"])
@pytest.mark.parametrize("pool", [nn.MaxPool2d((1, 2)), nn.AvgPool2d((1, 2)), None], ids=["max", "average", "none"])
@pytest.mark.parametrize("shape", [(4, 25, 2, 11), (12, 8, 2, 12)], ids=str)  # of 8 channels, pixels go in pairs
def test_dropout_has_the_mask_of_the_plain_layer(layer: nn.Module, pool: Any, shape: tuple[int, ...]) -> None:
    chance = Chance(77)
    given, x = parts(shape[1], pool, None, "elu", layer), example(shape)
    g = torch.randn(_out(shape, pool), dtype=torch.float64)
    one, other = fused(given, x, g, chance), plain(given, x, g, chance, torch.float64)
    assert torch.equal(one["y"] == 0, other["y"] == 0)
    assert 0.2 < (one["y"] == 0).double().mean() < 0.4
    for name in one:
        assert distance(one[name], other[name]) < 1e-10, name


@pytest.mark.parametrize("post", list(ACTIVATIONS))
@pytest.mark.parametrize(("shape", "pool"), SHAPES[:3], ids=lambda v: str(v))
def test_as_near_to_float64_as_pytorch_is(shape: tuple[int, ...], pool: Any, post: str) -> None:
    given = parts(shape[1], pool, None, post)
    g = torch.randn(_out(shape, pool), dtype=torch.float64)
    for dtype, typical in ((torch.float32, 1e-5), (torch.bfloat16, 1e-6)):
        x, g = example(shape, dtype), g.to(dtype).double()
        truth = plain(given, x.double(), g, Chance(), torch.float64)
        ours = fused(given, x, g.to(dtype), Chance())
        if dtype == torch.float32:
            theirs = plain(given, x, g, Chance(), dtype)
        else:
            own = copy.deepcopy(given)
            with torch.autocast("cpu", torch.bfloat16):
                theirs = run(nn.Sequential(*own.layers()), x, g, own.norm)
        for name in ours:
            assert distance(ours[name], truth[name]) <= max(1.5 * distance(theirs[name], truth[name]), typical), name


@pytest.mark.parametrize(("pre", "post"), [(None, "elu"), (None, "relu"), ("leaky", None), (None, None)])
@pytest.mark.parametrize(("shape", "pool"), SHAPES, ids=lambda v: str(v))
def test_evaluation_is_exact_in_float64(shape: tuple[int, ...], pool: Any, pre: str | None, post: str | None) -> None:
    given, x = parts(shape[1], pool, pre, post, nn.Dropout(0.5)), example(shape)
    given.norm.running_mean, given.norm.running_var = torch.randn(shape[1]), torch.rand(shape[1]) + 0.1
    ours = Block(given, "dropout", Chance()).double().eval()
    theirs = nn.Sequential(*given.layers())
    with torch.no_grad():
        assert ours._suits(x)
        assert distance(ours(x), theirs(x)) < 1e-10
        half = x.bfloat16()
        truth = theirs(half.double())
        ours.float()
        assert distance(ours(half).double(), truth) <= max(1.5 * distance(theirs(half).double(), truth), 1e-6)
    assert not ours._suits(half), "gradients are PyTorch's in evaluation"


def test_threads_change_nothing() -> None:
    shape, before = (7, 25, 6, 10), torch.get_num_threads()
    given, x = parts(25, nn.MaxPool2d(2), None, "elu", nn.Dropout(0.5)), example(shape, torch.float32)
    g, found = torch.randn(7, 25, 3, 5), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(fused(given, x, g, Chance(1)))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(found[0][name], other[name]) for name in other)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("pool", [nn.MaxPool2d(2), nn.AvgPool2d(2)])
@pytest.mark.parametrize(("pre", "post"), [(None, "relu"), (None, "elu"), ("leaky", None)])
def test_what_is_not_finite_shows(bad: float, pool: Any, pre: str | None, post: str | None) -> None:
    x = example((2, 16, 4, 4), torch.float32)
    x[0, 3, 1, 1] = bad
    own = parts(16, pool, pre, post)
    y = Block(own, "d", Chance())(x.requires_grad_())
    assert y[:, 3].isnan().all()
    assert y[:, :3].isfinite().all()


def test_layers_run_one_by_one_where_the_block_does_not_suit(monkeypatch: pytest.MonkeyPatch) -> None:
    given, x = parts(16, nn.MaxPool2d(2), None, "relu"), example((2, 16, 4, 4), torch.float32)
    block = Block(given, "d", Chance())
    assert block._suits(x)
    with torch.no_grad():
        assert not block._suits(x)
    assert not block._suits(x[:, :, :1])  # smaller than a window
    assert not block._suits(x.half())
    given.norm.eval()
    assert not block._suits(x)
    torch.testing.assert_close(block(x), nn.Sequential(*given.layers())(x))
    given.norm.train()
    monkeypatch.setattr(module, "native", lambda: Native(None, "none"))
    assert not block._suits(x)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        block(x[:1, :, :1, :1])


def test_frozen_weights_get_no_gradient() -> None:
    given, x = parts(16, None, None, "relu"), example((2, 16, 4, 4), torch.float32)
    given.norm.weight.requires_grad_(False)
    Block(given, "d", Chance())(x.requires_grad_()).sum().backward()
    assert given.norm.weight.grad is None
    assert given.norm.bias.grad is not None
    assert x.grad is not None


@pytest.mark.parametrize(
    ("layer", "known"),
    [
        (nn.ReLU(), True),
        (nn.ELU(), True),
        (nn.ELU(0.5), False),
        (nn.LeakyReLU(0.2), True),
        (nn.LeakyReLU(-0.2), False),  # not monotonic
        (nn.GELU(), False),
        (nn.SiLU(), False),
    ],
)
def test_activations_known(layer: nn.Module, known: bool) -> None:
    assert knows_activation(layer) == known


@pytest.mark.parametrize(
    ("layer", "known"),
    [
        (nn.MaxPool2d(2), True),
        (nn.MaxPool2d((1, 3)), True),
        (nn.MaxPool2d(3, stride=2, padding=1), False),
        (nn.MaxPool2d(2, ceil_mode=True), False),
        (nn.MaxPool2d(2, dilation=2), False),
        (nn.MaxPool2d(2, return_indices=True), False),
        (nn.MaxPool2d(16), False),  # a window of 256 places
        (nn.AvgPool2d((1, 8)), True),
        (nn.AvgPool2d(2, divisor_override=3), False),
        (nn.AvgPool2d(2, padding=1), False),
        (nn.LPPool2d(2, 2), False),
        (nn.AdaptiveAvgPool2d(1), False),
    ],
)
def test_pools_known(layer: nn.Module, known: bool) -> None:
    assert knows_pool(layer) == known


@pytest.mark.parametrize(
    ("layer", "known"),
    [
        (nn.BatchNorm2d(8), True),
        (nn.BatchNorm2d(7), False),
        (nn.BatchNorm2d(8, affine=False), False),
        (nn.BatchNorm2d(8, track_running_stats=False), False),
        (nn.BatchNorm2d(8, momentum=None), False),
        (nn.SyncBatchNorm(8), False),
    ],
)
def test_norms_known(layer: nn.Module, known: bool) -> None:
    assert knows_norm(layer) == known


@pytest.mark.parametrize("capability", ["avx2", "default"])
def test_processors_with_less(capability: str, tested_for: Callable[[str, str], str]) -> None:
    """The exact tests again, compiled for less than this machine has."""
    out = tested_for(capability, "exact or mask or near")
    assert out.count(".") > 50
    assert "s" not in out.split()[0], "skipped"
