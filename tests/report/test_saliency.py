"""Saliency maps: integrated gradients against what is known exactly, and in a report of a real run."""

import re

import numpy as np
import pytest
import torch
from torch import nn

import commands
from paribus.errors import RunError
from paribus.report import saliency
from paribus.report.gallery import _heated


def test_of_a_linear_network_they_are_weights_times_pixels():
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(3, 2, 4, 5)).astype(np.float32))
    model = nn.Sequential(nn.Flatten(), nn.Linear(40, 3)).eval()
    named = torch.tensor([0, 2, 1])
    weights = model[1].weight.detach().reshape(3, 2, 4, 5)
    expected = (weights[named] * x).abs().sum(dim=1).double().numpy()
    np.testing.assert_allclose(saliency.attributions(model, x, named), expected, rtol=1e-5)


def test_they_add_up_to_what_the_logit_gained():
    """Completeness, the axiom of Sundararajan et al., on one colour and a network without negative paths."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 16, 2)).eval()
    for parameter in model.parameters():
        parameter.data.abs_()
    x = torch.rand(2, 1, 6, 6)
    named = torch.tensor([0, 1])
    with torch.no_grad():
        gained = (model(x) - model(torch.zeros_like(x)))[torch.arange(2), named].numpy()
    np.testing.assert_allclose(saliency.attributions(model, x, named).sum(axis=(1, 2)), gained, rtol=1e-3)


def test_each_image_has_its_own_range():
    strength = np.zeros((2, 20, 20))
    strength[0, 5, 5], strength[1, 10, 10] = 1.0, 1e-6
    maps = saliency.scaled(strength)
    assert maps.shape == (2, 20, 20)
    assert maps.min() == 0
    assert maps.max(axis=(1, 2)) == pytest.approx([1, 1])
    assert maps[1, 10, 10] == 1
    assert maps[1, 5, 5] == 0
    assert saliency.scaled(np.zeros((1, 4, 4))).max() == 0


def test_heat_colours_what_mattered():
    pixels = np.full((2, 2), 100, np.uint8)
    heated = _heated(pixels, np.array([[0, 1], [0.5, 0]]))
    assert heated[0, 0].tolist() == [178, 178, 178]
    assert heated[0, 1].tolist() == [213, 94, 0]
    assert heated[1, 0].tolist() == [196, 136, 89]


def test_a_report_with_maps(tmp_path):
    few = ("--set", "train.epochs=1", "--set", "seeds=1")
    commands.paribus("run", "quickstart", *few, "--out", "run", cwd=tmp_path)
    page = tmp_path / "run" / "report" / "index.html"
    plain = page.read_text()
    assert "Saliency map" not in plain
    commands.paribus("report", "run", "--saliency", "--no-png", cwd=tmp_path)
    tiles = re.findall(r'<span class="shown">(.*?)</span>', page.read_text())
    assert tiles
    assert all(tile.count("<img ") == 2 for tile in tiles)
    assert all(re.search(r'alt="Saliency map of this image, true class .*, named ', tile) for tile in tiles)


def test_without_captum(monkeypatch):
    monkeypatch.setattr(saliency, "find_spec", lambda _: None)
    with pytest.raises(RunError, match=r"pip install 'paribus\[saliency\]'"):
        saliency.require_captum()
