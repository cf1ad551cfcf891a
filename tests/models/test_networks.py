"""The networks against what R0 and R3 say of them, and inputs that do not fit."""

import pytest
import torch
from torch import nn

from paribus.errors import ModelError
from paribus.models.build import NETWORKS, build, check, constrain, initialise
from paribus.models.catalogue import CATALOGUE
from paribus.models.shape import convolved
from paribus.models.summary import summarise
from paribus.spec import MaxNormSpec, ModelSpec


def n_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("name", "input_shape", "n_classes", "parameters", "flatten_width"),
    [
        ("eegnet", (1, 2, 750), 2, 17_874, 736),  # R0
        ("deepconvnet", (1, 2, 750), 2, 150_977, 8600),  # R0
        ("simple_cnn", (3, 32, 32), 10, 114_186, 2048),  # R3
    ],
)
def test_as_reported(name, input_shape, n_classes, parameters, flatten_width) -> None:
    model = build(ModelSpec(name=name), input_shape, n_classes)
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
    ],
)
def test_any_shape_and_activation(name, input_shape, n_classes, activation) -> None:
    spec = ModelSpec(name=name, activation=activation)
    check(spec, input_shape, n_classes)
    logits = build(spec, input_shape, n_classes)(torch.randn(3, *input_shape))
    logits.sum().backward()
    assert logits.shape == (3, n_classes)


@pytest.mark.parametrize(
    ("name", "input_shape", "says"),
    [
        ("deepconvnet", (1, 6, 75), "input of 75 samples is too short for DeepConvNet: needs at least 76"),
        ("eegnet", (1, 6, 31), "input of 31 samples is too short for EEGNet: needs at least 32"),
        ("simple_cnn", (1, 7, 8), "input of 7 rows is too short for SimpleCNN: needs at least 8"),
        ("simple_cnn", (1, 8, 7), "input of 7 columns"),
        ("eegnet", (3, 32, 32), "EEGNet takes EEG trials"),
        ("deepconvnet", (3, 32, 32), "DeepConvNet takes EEG trials"),
    ],
)
def test_inputs_that_do_not_fit(name, input_shape, says) -> None:
    with pytest.raises(ModelError, match=says):
        check(ModelSpec(name=name), input_shape, 2)


@pytest.mark.parametrize("size", [5, 8, 11])
@pytest.mark.parametrize(("kernel", "padding", "stride"), [(3, 0, 1), (3, 1, 2), (5, 2, 3), (2, 0, 2)])
def test_convolved_as_pytorch_does(size, kernel, padding, stride) -> None:
    layer = nn.Conv1d(1, 1, kernel, padding=padding, stride=stride)
    assert layer(torch.zeros(1, 1, size)).shape[-1] == convolved(size, kernel, padding=padding, stride=stride)


def test_dropout_reaches_the_network() -> None:
    for name, shape in [("eegnet", (1, 2, 64)), ("deepconvnet", (1, 2, 76)), ("simple_cnn", (1, 8, 8))]:
        model = build(ModelSpec(name=name, dropout=0.3), shape, 2)
        rates = [layer.p for layer in model.modules() if isinstance(layer, nn.Dropout)]
        assert rates
        assert set(rates) == {0.3}


def test_catalogue_lists_every_network() -> None:
    assert set(CATALOGUE) == set(NETWORKS)


def test_initial_weights_come_by_layer_name() -> None:
    def seed_of(layer: str) -> int:
        return sum(layer.encode())

    def weights(**changes) -> dict[str, torch.Tensor]:
        model = build(ModelSpec(name="eegnet", **changes), (1, 2, 64), 2)
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
    constrain(model, ModelSpec(name="eegnet", max_norm=MaxNormSpec()))
    torch.testing.assert_close(model[0].weight.detach().flatten(1), torch.tensor([[1.2, 1.6], [0.6, 0.8]]))
    torch.testing.assert_close(model[1].weight.detach(), torch.tensor([[0.3, 0.4], [0.3, 0.4]]))
    before = model[0].weight.clone()
    constrain(model, ModelSpec(name="eegnet"))
    assert torch.equal(model[0].weight, before)
