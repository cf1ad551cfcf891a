"""docs/derivations.md: its blocks run, blocks with a mistake in them fail, and the product computes what it derives."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from paribus.data.normalise import Normalisation
from paribus.kernels.block import Block, Parts
from paribus.kernels.dropout import Chance
from paribus.kernels.native import native
from paribus.spec import TrialSpec
from paribus.training.examples import Examples
from paribus.training.loop import fit
from paribus.validate import validate

NONE = Normalisation("none", "channel")
PAGE = Path(__file__).parents[1] / "docs" / "derivations.md"


@cache
def sections() -> dict[str, str]:
    """Title -> the code of the section."""
    _, *parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)
    return {part.partition("\n")[0]: "\n".join(re.findall(r"```python\n(.*?)```", part, re.S)) for part in parts}


def run(title: str, old: str = "", new: str = "") -> dict[str, Any]:
    """Run a section, with ``old`` in it replaced; what it defines."""
    code, names = sections()[title], {}
    assert code, f"{title} has no code"
    if old:
        assert code.count(old) == 1, f"{title} has `{old}` {code.count(old)} times"
        code = code.replace(old, new)
    exec(compile(code, f"docs/derivations.md, {title}", "exec"), names)
    return names


MISTAKES = {
    "Output size of a convolution": [
        ("(window.kernel - 1) < padded", "(window.kernel - 1) <= padded"),
        ("Window(k, s, p, ceil=True)", "Window(k, s, p)"),
        ("least_input(m, window)", "least_input(m, window) + 1"),
    ],
    "Batch normalisation, backward": [
        (" - g.mean(over, keepdims=True)", ""),
        (" - normalised * along", ""),
        ("keepdims=True) + eps)", "keepdims=True, ddof=1) + eps)"),
    ],
    "Gradient of softmax and cross-entropy": [
        ("p * (w * q)", "p * q"),
        (" / len(z)", ""),
        ("smoothing / 4,", "smoothing / 3,"),
    ],
    "Adam's moments and their bias correction": [
        (" / (1 - beta**t)", ""),
        ("np.arange(t - 1, -1, -1)", "np.arange(t)"),
        ("+ eps) for g", ") for g"),
    ],
    "Flooding": [("np.sign(loss - level) * gradient", "gradient"), ("(g**2).sum() / 2", "(g**2).sum()")],
}


@pytest.mark.parametrize("title", MISTAKES)
def test_a_section_holds_and_notices_mistakes(title: str) -> None:
    run(title)
    for old, new in MISTAKES[title]:
        with pytest.raises(AssertionError):
            run(title, old, new)


def test_every_section_is_run() -> None:
    assert list(sections()) == list(MISTAKES)


@pytest.mark.skipif(native().library is None, reason=f"no compiled kernels: {native().why}")
def test_the_compiled_block_goes_back_as_derived() -> None:
    backward = run("Batch normalisation, backward")["batch_norm_backward"]
    rng = np.random.default_rng(4)
    x, g = 1 + 2 * rng.normal(size=(2, 6, 9, 4, 3))
    norm = nn.BatchNorm2d(9).double()
    nn.init.normal_(norm.weight, generator=torch.Generator().manual_seed(0))
    block, leaf = Block(Parts(norm), "", Chance()), torch.tensor(x, requires_grad=True)
    assert block._suits(leaf), "or PyTorch's layer would be tried"
    block(leaf).backward(torch.tensor(g))
    ours = leaf.grad, norm.weight.grad, norm.bias.grad
    for one, derived in zip(ours, backward(x, g, norm.weight.detach().numpy(), norm.eps), strict=True):
        np.testing.assert_allclose(one, derived, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("level", [0.0, 5.0], ids=["above the level", "below the level"])
def test_a_step_of_the_training_loop_is_as_derived(level: float) -> None:
    """One step of plain descent on a linear network: its gradient is that of the logits times the input."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(12, 1, 1, 4)).astype(np.float32), np.arange(12) % 3
    plain = {"data": {"source": "digits"}, "model": {"name": "logistic"}, "selection": "last"}
    recipe = {"epochs": 1, "batch_size": 12, "optimizer": {"name": "sgd", "lr": 0.5, "momentum": 0.0}}
    spec = validate(TrialSpec, {**plain, "train": {**recipe, "loss": {"flooding": level}}})
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    before = model[1].weight.detach().double().numpy().copy()
    logits = model(torch.tensor(x)).detach().double().numpy()
    loss = -np.log(np.exp(logits) / np.exp(logits).sum(1, keepdims=True))[np.arange(12), y].mean()
    gradient = run("Gradient of softmax and cross-entropy")["cross_entropy_gradient"](logits, np.eye(3)[y], np.ones(3))
    expected = run("Flooding")["flooded_gradient"](loss, gradient.T @ x[:, 0, 0], level)
    whole = torch.from_numpy(x)
    train = Examples(x, np.arange(12), torch.from_numpy(y), "image", NONE, torch.device("cpu"), whole)
    fit(model, train, None, None, spec, lambda _: None, until=1)
    step = before - model[1].weight.detach().numpy()
    np.testing.assert_allclose(step, 0.5 * expected, rtol=1e-4, atol=1e-6)
