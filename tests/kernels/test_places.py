"""Convolutions with few places against the plain ones, in float64, and as autocast rounds."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from paribus.kernels import places
from paribus.kernels.places import FewPlaces, may_have_few_places, spans

C = 128


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(6)
        yield


def conv(
    kernel: int | tuple[int, int] = 3, stride: int = 1, padding: int | tuple[int, int] = 1, **more: bool
) -> nn.Conv2d:
    return nn.Conv2d(C, C, kernel, stride, padding, **more)  # type: ignore[arg-type]


CASES = {
    "1 x 1": (conv(), (1, 1)),
    "2 x 2": (conv(), (2, 2)),
    "2 x 2 to 1 x 1": (conv(stride=2), (2, 2)),
    "4 x 4 to 2 x 2": (conv(stride=2), (4, 4)),
    "3 x 3 to 2 x 2": (conv(stride=2), (3, 3)),
    "a shortcut": (conv(1, 2, 0, bias=False), (4, 3)),
    "no padding": (conv(3, 1, 0), (4, 3)),
    "one row": (conv((1, 5), 1, (0, 2)), (1, 4)),
    "much padding": (conv(3, 3, 2), (2, 2)),
    "places that see padding only": (conv(1, 2, 1, bias=False), (1, 2)),
    "many places": (conv(), (4, 4)),
}


@pytest.mark.parametrize("name", list(CASES))
def test_exact_in_float64(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, size = CASES[name]
    plain = layer.double()
    assert may_have_few_places(plain)
    x = torch.randn(3, C, *size, dtype=torch.float64).contiguous(memory_format=torch.channels_last)
    found = []
    for run in (plain, FewPlaces(plain)):
        given = x.clone(memory_format=torch.preserve_format).requires_grad_()
        y = run(given)
        found.append([y, *torch.autograd.grad(y.sin().sum(), [given, *plain.parameters()])])
        if name != "many places":
            monkeypatch.setattr(plain, "forward", None)  # is not needed any more
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-10, atol=1e-10)


def test_what_a_place_takes_by_hand() -> None:
    """3 wide, padded by 1, over 4 values by 2: places at -1 and 1; the first meets one zero."""
    assert spans(4, 3, 2, 1) == ((slice(1, 3), slice(0, 2)), (slice(0, 3), slice(1, 4)))
    assert spans(1, 3, 1, 1) == ((slice(1, 2), slice(0, 1)),)
    assert spans(2, 5, 1, 0) == ()


def test_as_near_to_the_truth_as_pytorch_in_bfloat16() -> None:
    plain = conv()
    x = torch.randn(16, C, 2, 2).contiguous(memory_format=torch.channels_last)
    g = torch.randn(16, C, 2, 2)
    exact = nn.Conv2d(C, C, 3, padding=1).double()
    exact.load_state_dict(plain.state_dict())

    def all_of(run: nn.Module, layer: nn.Module, dtype: torch.dtype, half: bool) -> torch.Tensor:
        given = x.to(dtype).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            y = run(given)
        assert y.dtype == (torch.bfloat16 if half else dtype)
        found = torch.autograd.grad(y, [given, *layer.parameters()], g.to(y.dtype))
        assert [each.dtype for each in found] == [dtype] * 3
        each = [value.detach().double().flatten() for value in (y, *found)]
        return torch.cat([value / value.norm() for value in each])

    truth = all_of(exact, exact, torch.float64, False)
    theirs, own = (all_of(run, plain, torch.float32, True) for run in (plain, FewPlaces(plain)))
    assert float((own - truth).norm()) <= 1.2 * float((theirs - truth).norm())
    exactly = all_of(FewPlaces(plain), plain, torch.float32, False)
    assert float((exactly - truth).norm()) < 1e-5


def test_errors_are_those_of_pytorch() -> None:
    plain = conv()
    for bad in (torch.randn(2, C + 1, 2, 2), torch.randn(2, C, 2, 2, dtype=torch.float64), torch.randn(2, C)):
        with pytest.raises(RuntimeError) as expected:
            plain(bad)
        with pytest.raises(RuntimeError) as given:
            FewPlaces(plain)(bad)
        assert str(given.value) == str(expected.value)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(16, 16, 3, padding=1),
        nn.Conv2d(C, C, 3, padding=1, groups=2),
        nn.Conv2d(C, C, 3, padding=1, dilation=2),
        nn.Conv2d(C, C, 3, padding="same"),
        nn.Conv2d(C, C, 3, padding=1, padding_mode="reflect"),
        nn.Linear(C, C),
    ],
)
def test_others_are_left_alone(layer: nn.Module) -> None:
    assert not may_have_few_places(layer)


def test_frozen_weights_and_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = conv()
    plain.weight.requires_grad_(False)
    x = torch.randn(2, C, 2, 2, requires_grad=True)
    FewPlaces(plain)(x).sum().backward()
    assert plain.weight.grad is None
    expected = torch.autograd.grad(plain(x).sum(), x)[0]
    torch.testing.assert_close(x.grad, expected, rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        given = FewPlaces(plain)(x)
        monkeypatch.setattr(places, "MOST_PLACES", 0)
        torch.testing.assert_close(given, FewPlaces(plain)(x), rtol=1e-5, atol=1e-5)
