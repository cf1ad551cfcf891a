"""The summary's counts, by hand, as R3 reports them, and as torchinfo has them."""

import pytest
import torch
from torch import nn

from paribus.models.build import build
from paribus.models.summary import summarise
from paribus.models.totals import totals, uncounted
from paribus.spec import (
    DeepConvNetSpec,
    EEGNetSpec,
    FaceCNNLargeSpec,
    ModelSpec,
    ResNet18Spec,
    SimpleCNNSpec,
)


@pytest.mark.parametrize(
    ("spec", "flops"),
    [(SimpleCNNSpec(name="simple_cnn"), 10_571_776), (ResNet18Spec(name="resnet18"), 37_220_352)],
)
def test_flops_as_r3_counts_them(spec: ModelSpec, flops: int) -> None:
    rows = summarise(build(spec, (3, 32, 32), 10), (3, 32, 32))
    assert totals(rows, (3, 32, 32)).flops == flops


def test_counts_by_hand() -> None:
    model = nn.Sequential(
        nn.Conv2d(2, 6, (3, 2), stride=2, groups=2),  # 4 x 5 -> 1 x 2
        nn.BatchNorm2d(6),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 3, bias=False),
    )
    model[4].weight.requires_grad_(False)
    rows = summarise(model, (2, 4, 5))
    assert [row.output_shape for row in rows] == [(6, 1, 2), (6, 1, 2), (6, 1, 1), (6,), (3,)]
    assert [row.n_parameters for row in rows] == [6 * 1 * 3 * 2 + 6, 12, 0, 0, 18]
    assert [row.n_trainable for row in rows] == [42, 12, 0, 0, 0]
    assert [row.multiply_adds for row in rows] == [6 * 1 * 2 * (1 * 3 * 2), 0, 0, 0, 18]
    assert [row.flops for row in rows] == [72, 4 * 12, 6 * (2 + 1), 0, 18]
    assert [row.formula for row in rows] == ["6 × 1 × 3 × 2 + 6", "2 × 6", "", "", "3 × 6"]
    assert [row.inputs for row in rows] == [(-1,), (0,), (1,), (2,), (3,)]
    whole = totals(rows, (2, 4, 5))
    assert (whole.n_parameters, whole.n_trainable, whole.multiply_adds, whole.flops) == (72, 54, 90, 156)
    assert whole.input_mb == 40 * 4 / 2**20
    assert whole.forward_backward_mb == 2 * (12 + 12 + 6 + 6 + 3) * 4 / 2**20
    assert whole.parameters_mb == 72 * 4 / 2**20


def test_r1s_table_of_deepconvnet() -> None:
    """The formulas of the layer table, as (filters x inputs x kernel) + biases."""
    rows = summarise(build(DeepConvNetSpec(name="deepconvnet"), (1, 2, 750), 2), (1, 2, 750))
    found = {row.name: row.formula for row in rows if row.formula}
    assert found["conv1"] == "25 × 1 × 1 × 5 + 25"
    assert found["spatial"] == "25 × 25 × 2 × 1 + 25"
    assert found["conv4"] == "200 × 100 × 1 × 5 + 200"
    assert found["classify"] == "2 × 8600 + 2"
    for row in rows:  # and each formula gives the number beside it
        assert not row.formula or eval(row.formula.replace("×", "*")) == row.n_parameters


@pytest.mark.parametrize(
    ("spec", "shape", "classes"),
    [
        (EEGNetSpec(name="eegnet"), (1, 2, 750), 2),
        (SimpleCNNSpec(name="simple_cnn"), (3, 32, 32), 10),
        (ResNet18Spec(name="resnet18"), (3, 32, 32), 10),
        (FaceCNNLargeSpec(name="face_cnn_large"), (1, 48, 48), 7),
    ],
)
def test_as_torchinfo_counts(spec: ModelSpec, shape: tuple[int, int, int], classes: int) -> None:
    torchinfo = pytest.importorskip("torchinfo", reason="torchinfo is not installed")
    model = build(spec, shape, classes)
    theirs = torchinfo.summary(model, (1, *shape), verbose=0)
    ours = totals(summarise(model, shape), shape)
    assert ours.n_parameters == theirs.total_params
    assert ours.n_trainable == theirs.trainable_params
    # torchinfo also counts biases (of convolutions once an output) and the parameters of batch norms.
    extra = 0
    for row, layer in _leaves(model, shape):
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            extra += torch.Size(row.output_shape).numel()
        elif isinstance(layer, nn.Linear) and layer.bias is not None:
            extra += layer.out_features
        elif isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
            extra += 2 * layer.num_features
    assert theirs.total_mult_adds == ours.multiply_adds + extra


def _leaves(model: nn.Module, shape: tuple[int, int, int]):
    modules = dict(model.named_modules())
    return [(row, modules[row.name]) for row in summarise(model, shape)]


def test_skip_connections() -> None:
    rows = summarise(build(ResNet18Spec(name="resnet18"), (3, 32, 32), 10), (3, 32, 32))
    adds = [row for row in rows if row.type == "Add"]
    assert len(adds) == 8
    names = [row.name for row in rows]
    assert [names[i] for i in adds[0].inputs] == ["stage1_block1.norm2", "stem_pool"]
    assert [names[i] for i in adds[2].inputs] == ["stage2_block1.norm2", "stage2_block1.shortcut.1"]


class Odd(nn.Module):
    """Has a parameter of its own, a shared layer, and a branch that cannot be traced."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.layer = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layer(self.layer(x.flatten(1)))
        return x * self.scale[0] if x.sum() > 0 else x


def test_any_module() -> None:
    model = Odd().train()
    rows = summarise(model, (1, 2, 2))
    assert model.training
    assert [row.name for row in rows] == ["layer", "layer", "(itself)"]
    assert sum(row.n_parameters for row in rows) == sum(p.numel() for p in model.parameters()) == 23
    assert rows[0].inputs is None
    assert sum(row.multiply_adds for row in rows) == 32


def test_transposed_convolutions_count_and_what_does_not_is_named() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up = nn.ConvTranspose2d(2, 3, 2, stride=2)
            self.memory = nn.LSTM(8, 4, batch_first=True)
            self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.memory(self.up(x)[:, 0])[0]
            return self.attention(y, y, y)[0]

    rows = summarise(Own(), (2, 4, 4))
    assert rows[0].multiply_adds == 4 * 4 * 2 * (3 * 2 * 2)
    assert rows[1].output_shape == (8, 4)
    assert uncounted(rows)[:2] == ("LSTM", "MultiheadAttention")
    assert uncounted(summarise(build(ResNet18Spec(name="resnet18"), (3, 32, 32), 10), (3, 32, 32))) == ()


def test_a_module_without_layers_has_a_name() -> None:
    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.by = nn.Parameter(torch.ones(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1) * self.by

    assert [(row.name, row.n_parameters) for row in summarise(Scale(), (1, 1, 3))] == [("(itself)", 3)]
