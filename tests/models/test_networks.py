"""The networks against what R0 and R3 say of them, and inputs that do not fit."""

import re
from typing import Any

import pytest
import torch
from torch import nn

from paribus.errors import ModelError, StudyError
from paribus.models.build import build, check, constrain, create, initialise
from paribus.models.catalogue import CATALOGUE, USUAL_INPUT
from paribus.models.dnn import DNN, count_parameters, matching_widths
from paribus.models.summary import summarise
from paribus.spec import Baseline, MaxNormSpec, ModelSpec
from paribus.validate import validate


def model_spec(**fields: Any) -> ModelSpec:
    plain = {**fields, "max_norm": fields["max_norm"].model_dump()} if "max_norm" in fields else fields
    return validate(Baseline, {"data": {"source": "digits"}, "model": plain}).model


def n_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("name", "input_shape", "n_classes", "parameters", "flatten_width"),
    [
        ("eegnet", (1, 2, 750), 2, 17_874, 736),  # R0
        ("deepconvnet", (1, 2, 750), 2, 150_977, 8600),  # R0
        ("simple_cnn", (3, 32, 32), 10, 114_186, 2048),  # R3
        ("resnet18", (3, 32, 32), 10, 11_181_642, 512),  # R3
        ("face_cnn_large", (1, 48, 48), 7, 5_758_791, 4608),  # R4
        ("dnn", (1, 48, 48), 7, 5_778_439, 2304),  # R4
        ("logistic", (1, 48, 48), 7, 7 * 2305, 2304),
        ("face_cnn", (1, 48, 48), 7, 618_767, 64 * 6 * 6),  # as its docstring and the catalogue say
    ],
)
def test_as_reported(name, input_shape, n_classes, parameters, flatten_width) -> None:
    model = build(model_spec(name=name), input_shape, n_classes)
    rows = summarise(model, input_shape)
    assert n_parameters(model) == sum(row.n_parameters for row in rows) == parameters
    assert [row.output_shape for row in rows if row.type == "Flatten"] == [(flatten_width,)]
    assert rows[-1].output_shape == (n_classes,)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "gelu", "silu"])
@pytest.mark.parametrize(
    ("name", "input_shape", "n_classes"),
    [
        ("eegnet", (1, 1, 32), 2),
        ("eegnet", (1, 28, 50), 2),
        ("deepconvnet", (1, 10, 76), 4),
        ("deepconvnet", (1, 6, 897), 3),
        ("simple_cnn", (1, 8, 8), 10),
        ("simple_cnn", (3, 33, 17), 5),
        ("resnet18", (3, 32, 32), 10),
        ("resnet18", (1, 1, 1), 2),
        ("face_cnn", (1, 48, 48), 7),
        ("face_cnn", (3, 8, 9), 2),
        ("face_cnn_large", (1, 16, 16), 2),
        ("dnn", (3, 5, 4), 3),
    ],
)
def test_any_shape_and_activation(name, input_shape, n_classes, activation) -> None:
    spec = model_spec(name=name, activation=activation)
    check(spec, input_shape, n_classes)
    logits = build(spec, input_shape, n_classes)(torch.randn(3, *input_shape))
    logits.sum().backward()
    assert logits.shape == (3, n_classes)


@pytest.mark.parametrize(
    ("name", "input_shape", "says"),
    [
        (
            "deepconvnet",
            (1, 6, 75),
            "input of 75 samples is too short for DeepConvNet: needs at least 76; layer pool4 would get 1, fewer than "
            "its kernel of 2 needs",
        ),
        ("deepconvnet", (1, 6, 30), "needs at least 76; layer conv3 would get 4, fewer than its kernel of 5 needs"),
        ("eegnet", (1, 6, 31), "EEGNet: needs at least 32; layer separable_pool would get 7, .* kernel of 8"),
        ("simple_cnn", (1, 7, 8), "input of 7 rows is too short for SimpleCNN: needs at least 8"),
        ("simple_cnn", (1, 8, 7), "input of 7 columns"),
        ("face_cnn", (1, 48, 7), "input of 7 columns is too short for FaceCNN: needs at least 8"),
        ("face_cnn_large", (1, 15, 48), "input of 15 rows is too short for FaceCNNLarge: needs at least 16"),
        ("eegnet", (3, 32, 32), "EEGNet takes EEG trials"),
        ("deepconvnet", (3, 32, 32), "DeepConvNet takes EEG trials"),
    ],
)
def test_inputs_that_do_not_fit(name, input_shape, says) -> None:
    with pytest.raises(ModelError, match=says):
        check(model_spec(name=name), input_shape, 2)


def test_dropout_reaches_the_network() -> None:
    for name, shape in [("eegnet", (1, 2, 64)), ("deepconvnet", (1, 2, 76)), ("simple_cnn", (1, 8, 8))]:
        model = build(model_spec(name=name, dropout=0.3), shape, 2)
        rates = [layer.p for layer in model.modules() if isinstance(layer, nn.Dropout)]
        assert rates
        assert set(rates) == {0.3}


def test_catalogue_lists_every_network() -> None:
    assert list(CATALOGUE) == [name for name in _tags() if name]
    for name, (shape, classes) in USUAL_INPUT.items():
        said = re.search(r"([\d,]+) parameters", CATALOGUE[name])
        assert said is None or int(said[1].replace(",", "")) == n_parameters(
            build(model_spec(name=name), shape, classes)
        )


def _tags() -> list[str]:
    """The kinds of networks that specifications know."""
    with pytest.raises(StudyError) as caught:
        model_spec(name="nothing like it")
    return str(caught.value).split("known: ")[1].split(", ")


@pytest.mark.parametrize("name", ["face_cnn", "face_cnn_large", "dnn"])
def test_dropout_rates(name: str) -> None:
    def rates(**fields: Any) -> list[float]:
        model = build(model_spec(name=name, **fields), (1, 48, 48), 7)
        return [layer.p for layer in model.modules() if isinstance(layer, nn.Dropout | nn.Dropout2d)]

    n = len(rates())
    assert n == {"face_cnn": 6, "face_cnn_large": 7, "dnn": 2}[name]
    assert rates(dropout=0.25) == [0.25] * n
    given = [i / 10 for i in range(n)]
    assert rates(dropout=given) == given
    with pytest.raises(ModelError, match=f"must be one rate, or {n}"):
        rates(dropout=[0.1] * (n + 1))
    if name == "dnn":
        assert rates() == [0.4, 0.5]
        assert rates(widths=64) == [0.5]
        assert rates(widths=[64, 32, 16]) == [0.5] * 3


def test_face_cnn_large_as_r4_has_it() -> None:
    layers = dict(build(model_spec(name="face_cnn_large"), (1, 48, 48), 7).named_children())
    assert [layers[f"conv{i}"].out_channels for i in range(1, 6)] == [64, 64, 128, 512, 512]
    assert [layers[f"conv{i}"].kernel_size for i in range(1, 6)] == [(5, 5), (5, 5), (3, 3), (3, 3), (3, 3)]
    assert [f"pool{i}" in layers for i in range(1, 6)] == [False, True, True, True, True]
    assert [layers[f"dropout{i}"].p for i in range(1, 6)] == [0.2, 0.25, 0.3, 0.4, 0.5]
    assert layers["activation1"].negative_slope == 0.05
    assert isinstance(layers["dense_activation1"], nn.ReLU)


def test_face_cnn_as_r2_has_it() -> None:
    layers = dict(build(model_spec(name="face_cnn"), (1, 48, 48), 7).named_children())
    assert [name.rstrip("12345") for name in list(layers)[:9]] == [
        *("conv", "activation", "norm", "dropout"),
        *("conv", "activation", "norm", "dropout"),
        "conv",
    ]
    assert [layers[f"conv{i}"].kernel_size[0] for i in range(1, 6)] == [5, 5, 3, 3, 3]
    assert [f"pool{i}" in layers for i in range(1, 6)] == [False, False, True, True, True]
    start = dict(build(model_spec(name="face_cnn", blocks=2), (1, 48, 48), 7).named_children())
    assert "conv2" in start
    assert "conv3" not in start


def test_resnet18_stems() -> None:
    shapes = {}
    for stem in ("imagenet", "cifar"):
        rows = summarise(build(model_spec(name="resnet18", stem=stem), (3, 32, 32), 10), (3, 32, 32))
        shapes[stem] = {row.name: row.output_shape for row in rows}
    assert shapes["imagenet"]["stage1_block1.conv1"] == (64, 8, 8)
    assert shapes["cifar"]["stage1_block1.conv1"] == (64, 32, 32)
    assert shapes["cifar"]["stage4_block2.conv2"] == (512, 4, 4)
    assert "stem_pool" not in shapes["cifar"]


def test_resnet18_adds_its_shortcuts() -> None:
    """With all weights of a block's branch at 0, the block hands its input on (through the activation)."""
    model = build(model_spec(name="resnet18"), (3, 32, 32), 10).eval()
    block = model.stage1_block2
    with torch.no_grad():
        block.norm2.weight.zero_()
        x = torch.randn(2, 64, 8, 8)
        assert torch.equal(block(x), x.relu())


@pytest.mark.parametrize("shape", [(1, 48, 48), (1, 24, 24), (3, 32, 32)])
@pytest.mark.parametrize("other", ["face_cnn_large", "simple_cnn"])
def test_a_dense_network_of_equal_size(shape: tuple[int, int, int], other: str) -> None:
    target = n_parameters(build(model_spec(name=other), shape, 7))
    model = build(model_spec(name="dnn", match_parameters=other), shape, 7)
    assert abs(n_parameters(model) - target) / target < 0.02
    first, second = model.dense1.out_features, model.dense2.out_features
    assert abs(second - first / 4) <= 0.5, "the widths keep their ratio, 2048 to 512"


def test_matching_widths_are_the_nearest() -> None:
    found = matching_widths((1, 3, 3), 2, (8, 4), 500)
    assert found[1] == round(found[0] / 2)
    counts = {w: count_parameters((1, 3, 3), 2, (w, max(1, round(w / 2)))) for w in range(1, 60)}
    best = min(counts, key=lambda w: abs(counts[w] - 500))
    assert abs(counts[found[0]] - 500) == abs(counts[best] - 500)
    assert count_parameters((1, 3, 3), 2, found) == n_parameters(DNN((1, 3, 3), 2, nn.ReLU, found, (0.0, 0.0)))


def test_the_slope_of_leaky_relu() -> None:
    model = build(model_spec(name="eegnet", activation="leaky_relu", negative_slope=0.2), (1, 2, 64), 2)
    assert {layer.negative_slope for layer in model.modules() if isinstance(layer, nn.LeakyReLU)} == {0.2}
    assert build(model_spec(name="eegnet", activation="leaky_relu"), (1, 2, 64), 2)[4].negative_slope == 0.01  # R0


@pytest.mark.parametrize("name", ["resnet18", "face_cnn", "face_cnn_large", "dnn", "logistic"])
def test_create_repeats_and_trains_under_determinism(name: str) -> None:
    shape = (1, 16, 16)
    first, second = (create(model_spec(name=name), shape, 3, lambda layer: len(layer)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    torch.use_deterministic_algorithms(True)
    try:
        first(torch.randn(4, *shape)).sum().backward()
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(parameter.grad is not None for parameter in first.parameters())


def test_initial_weights_come_by_layer_name() -> None:
    def seed_of(layer: str) -> int:
        return sum(layer.encode())

    def weights(**changes) -> dict[str, torch.Tensor]:
        model = build(model_spec(name="eegnet", **changes), (1, 2, 64), 2)
        initialise(model, seed_of)
        return model.state_dict()

    torch.manual_seed(1)
    first = weights(activation="relu")
    torch.manual_seed(2)
    drawn_before = torch.get_rng_state()
    second = weights(activation="elu", dropout=0.0)
    assert all(torch.equal(first[name], second[name]) for name in first)
    torch.manual_seed(2)
    assert torch.equal(torch.get_rng_state(), drawn_before)
    # PyTorch's usual draw for one layer, by hand: uniform within 1 / sqrt(fan in), fan in 1 x 51.
    torch.manual_seed(seed_of("temporal"))
    alone = nn.Conv2d(1, 16, (1, 51), bias=False).weight
    torch.manual_seed(seed_of("temporal"))
    torch.nn.init.kaiming_uniform_(alone, a=5**0.5)
    assert torch.equal(first["temporal.weight"], alone)
    assert first["temporal.weight"].abs().max() <= 51**-0.5


def test_max_norm() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, (1, 2), bias=False), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[3.0, 4.0], [0.6, 0.8]]).reshape(2, 1, 1, 2))  # norms 5 and 1
        model[1].weight.copy_(torch.tensor([[0.3, 0.4], [0.6, 0.8]]))  # norms 0.5 and 1
    constrain(model, model_spec(name="eegnet", max_norm=MaxNormSpec()))
    torch.testing.assert_close(model[0].weight.detach().flatten(1), torch.tensor([[1.2, 1.6], [0.6, 0.8]]))
    torch.testing.assert_close(model[1].weight.detach(), torch.tensor([[0.3, 0.4], [0.3, 0.4]]))
    before = model[0].weight.clone()
    constrain(model, model_spec(name="eegnet"))
    assert torch.equal(model[0].weight, before)
