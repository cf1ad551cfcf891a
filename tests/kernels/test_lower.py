"""Lowered networks against the plain ones, in training and evaluation."""

import copy
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn
from torch.nn.functional import cross_entropy

from paribus.kernels import block, front
from paribus.kernels.lower import lower
from paribus.kernels.native import Native
from paribus.models.build import create
from paribus.models.resnet18 import BasicBlock
from paribus.spec import ModelSpec

INPUTS = {
    "eegnet": ((1, 2, 130), 2),
    "deepconvnet": ((1, 3, 130), 2),
    "simple_cnn": ((3, 18, 17), 5),
    "face_cnn": ((1, 24, 24), 7),
    "face_cnn_large": ((1, 16, 16), 7),
    "resnet18": ((3, 32, 32), 4),
    "dnn": ((1, 12, 12), 7),
    "logistic": ((1, 8, 8), 3),
}


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(11)
        yield


def network(name: str, **fields: Any) -> nn.Module:
    spec = TypeAdapter[ModelSpec](ModelSpec).validate_python({"name": name, **fields})
    return create(spec, *INPUTS[name], lambda layer: sum(layer.encode()) + 1)


def without_dropout(model: nn.Module) -> nn.Module:
    for layer in model.modules():
        if isinstance(layer, nn.Dropout | nn.Dropout2d):
            layer.p = 0.0
    return model


def gradients(run: nn.Module, model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Loss, gradients and running statistics, each flat."""
    model.train()
    loss = cross_entropy(run(x), y)
    loss.backward()
    grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in model.parameters()]
    return loss.detach()[None], *(g.flatten() for g in grads), *(b.flatten().to(x.dtype) for b in model.buffers())


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "gelu", "silu"])
@pytest.mark.parametrize("name", list(INPUTS))
def test_loss_and_gradients_are_exact(name: str, activation: str) -> None:
    fields = {} if name == "logistic" else {"activation": activation}
    plain = without_dropout(network(name, **fields)).double()
    ours, (shape, n_classes) = copy.deepcopy(plain), INPUTS[name]
    x, y = torch.randn(9, *shape, dtype=torch.float64), torch.randint(n_classes, (9,))
    expected, given = gradients(plain, plain, x, y), gradients(lower(ours), ours, x, y)
    largest = max(float(g.norm()) for g in expected[1 : 1 + len(list(plain.parameters()))])
    for a, b in zip(given, expected, strict=True):
        # Biases before a norm have gradients that are 0 but for rounding: held against the largest.
        assert float((a - b).norm()) <= 1e-10 * max(float(b.norm()), 1e-3 * largest)


@pytest.mark.parametrize("name", ["eegnet", "deepconvnet", "simple_cnn", "face_cnn"])
def test_in_float32_no_further_from_the_truth_than_pytorch(name: str) -> None:
    plain = without_dropout(network(name, activation="elu"))
    shape, n_classes = INPUTS[name]
    x, y = torch.randn(16, *shape), torch.randint(n_classes, (16,))
    exact, ours = copy.deepcopy(plain).double(), copy.deepcopy(plain)
    truth = torch.cat(gradients(exact, exact, x.double(), y)[: 1 + len(list(plain.parameters()))])
    near = [torch.cat(gradients(run, model, x, y)[: 1 + len(list(plain.parameters()))])
            for run, model in ((plain, plain), (lower(ours), ours))]  # fmt: skip
    theirs, own = (float((each - truth).norm() / truth.norm()) for each in near)
    assert own <= max(2 * theirs, 1e-5)


def test_levels_have_the_same_masks_and_differ_by_rounding_only(monkeypatch: pytest.MonkeyPatch) -> None:
    model = network("eegnet", activation="elu").double()
    other = copy.deepcopy(model)
    x, y = torch.randn(8, *INPUTS["eegnet"][0], dtype=torch.float64), torch.randint(2, (8,))
    found = []
    for each in (model, other):
        fast = lower(each)
        fast.chance.seed = 12345
        found.append(gradients(fast, each, x, y))
        for kernel in (block, front):
            monkeypatch.setattr(kernel, "native", lambda: Native(None, "PyTorch alone"))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)
    again = gradients(lower(copy.deepcopy(other)), other, x, y)
    assert not torch.equal(again[0], found[0][0]), "another seed, other masks"


def test_shares_parameters_and_leaves_the_plain_network_as_it_is() -> None:
    model = network("simple_cnn")
    names = list(model.state_dict())
    fast = lower(model)
    assert {id(p) for p in fast.parameters()} == {id(p) for p in model.parameters()}
    assert list(model.state_dict()) == names
    assert [each.layers for each in fast.replaced] == [
        ("norm1", "activation1", "pool1"),
        ("norm2", "activation2", "pool2"),
        ("norm3", "activation3", "pool3", "dropout"),
    ]


def channels(n: int = 8) -> list[nn.Module]:
    return [nn.Conv2d(n, n, 3, padding=1), nn.BatchNorm2d(n), nn.ReLU(), nn.MaxPool2d(2)]


def shared() -> nn.Module:
    layers = channels()
    return nn.Sequential(*layers, nn.Conv2d(8, 8, 1), layers[1])


def watched() -> nn.Module:
    model = nn.Sequential(*channels())
    model.seen = []
    model[2].register_forward_hook(lambda *given: model.seen.append(1))
    return model


def watched_whole() -> nn.Module:
    inner = nn.Sequential(*channels())
    inner.register_forward_hook(lambda module, given, y: y * 2)
    return nn.Sequential(nn.Conv2d(8, 8, 1), inner)


def asleep() -> nn.Module:
    model = nn.Sequential(*channels())
    model[1].eval()
    model[1].train = lambda mode=True: model[1]  # stays in evaluation mode, as frozen backbones do
    return model


def frozen() -> nn.Module:
    model = nn.Sequential(*channels())
    model[1].weight.requires_grad_(False)
    model[0].bias.requires_grad_(False)
    return model


class Own(nn.Sequential):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) + x.mean()


class OwnNorm(nn.BatchNorm2d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * 2


def watched_block() -> nn.Module:
    model = nn.Sequential(BasicBlock((8, 8), 1, nn.ReLU))
    model.seen = []
    model[0].add.register_forward_hook(lambda *given: model.seen.append(1))
    return model


def block_twice() -> nn.Module:
    inner = BasicBlock((8, 8), 1, nn.ReLU)
    return nn.Sequential(inner, nn.Conv2d(8, 8, 1), inner)


class OwnBlock(BasicBlock):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * 2


BAD = {
    "shared": shared,
    "watched": watched,
    "watched whole": watched_whole,
    "asleep": asleep,
    "frozen": frozen,
    "a forward of its own": lambda: Own(*channels()),
    "a norm of its own": lambda: nn.Sequential(nn.Conv2d(8, 8, 1), OwnNorm(8), nn.ReLU()),
    "norm after activation": lambda: nn.Sequential(nn.Conv2d(8, 8, 1), nn.ReLU(), nn.BatchNorm2d(8), nn.Tanh()),
    "no pool": lambda: nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), nn.LeakyReLU(0.3)),
    "two activations": lambda: nn.Sequential(nn.ReLU(), nn.BatchNorm2d(8), nn.ELU(), nn.MaxPool2d(2)),
    "unknown activation": lambda: nn.Sequential(nn.BatchNorm2d(8), nn.Softplus(), nn.MaxPool2d(2)),
    "a pool that overlaps": lambda: nn.Sequential(nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1)),
    "activation in place": lambda: nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), nn.ReLU(inplace=True)),
    "a residual block": lambda: nn.Sequential(BasicBlock((8, 8), 1, nn.ELU)),
    "a watched residual block": watched_block,
    "a residual block twice": block_twice,
    "a residual block of its own": lambda: nn.Sequential(OwnBlock((8, 8), 1, nn.ReLU)),
    "few channels": lambda: nn.Sequential(nn.Conv2d(8, 3, 1), nn.BatchNorm2d(3), nn.ReLU()),
    "nested": lambda: nn.Sequential(nn.Sequential(*channels()), nn.Sequential(nn.Sequential(*channels()))),
    "everything dropped": lambda: nn.Sequential(*channels(), nn.Dropout(1.0)),
}


@pytest.mark.parametrize("name", list(BAD))
def test_never_a_wrong_result(name: str) -> None:
    with torch.random.fork_rng():
        plain = BAD[name]().double()
    ours = BAD[name]().double()
    ours.load_state_dict(plain.state_dict())
    x = torch.randn(4, 8, 8, 10, dtype=torch.float64).contiguous(memory_format=torch.channels_last)
    results = []
    for run, model in ((plain, plain), (lower(ours), ours)):
        model.train()
        y = run(x.clone())
        y.pow(2).sum().backward()
        results.append([y, *(p.grad for p in model.parameters()), *model.buffers(), len(getattr(model, "seen", []))])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("name", [*INPUTS, *BAD])
def test_evaluation_is_the_same(name: str) -> None:
    model = (network(name) if name in INPUTS else BAD[name]()).double()
    shape = INPUTS[name][0] if name in INPUTS else (8, 8, 10)
    with torch.no_grad():
        for _ in range(3):
            model.train()(torch.randn(8, *shape, dtype=torch.float64) * 2 + 0.3)
        model.eval()
        x = torch.randn(5, *shape, dtype=torch.float64)
        expected = model(x.clone())
        torch.testing.assert_close(lower(model)(x.clone()), expected, rtol=1e-10, atol=1e-10)


def test_logits_are_never_rounded_to_less_than_float32() -> None:
    model, x = network("simple_cnn").eval(), torch.randn(5, *INPUTS["simple_cnn"][0])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        logits = lower(model)(x)
    assert logits.dtype == torch.float32
    assert not torch.equal(logits, logits.bfloat16().float())
    torch.testing.assert_close(logits, model(x), rtol=0.05, atol=0.05)


def test_evaluated_filters_that_do_not_span_all_channels() -> None:
    model = nn.Sequential(nn.Conv2d(1, 16, (1, 5)), nn.Conv2d(16, 25, (2, 1)), nn.BatchNorm2d(25), nn.ReLU()).double()
    x = torch.randn(3, 1, 5, 60, dtype=torch.float64)
    model(x)
    with torch.no_grad():
        torch.testing.assert_close(lower(model.eval())(x), model(x))
