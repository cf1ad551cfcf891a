"""Dense networks: R4's, and logistic regression."""

from collections import OrderedDict

from torch import nn

from paribus.models.activation import NewActivation

R4_RATES = (0.4, 0.5)
"""Of dropout after the two hidden layers."""


class DNN(nn.Sequential):
    """Dense layers linear - activation - batch norm - dropout, then a linear layer (R4).

    5,778,439 parameters at 1 x 48 x 48, 7 classes and widths of 2048 and 512.

    Args:
        input_shape: (C, H, W), any.
        n_classes: at least 2.
        activation: gives a new activation module (R4: ReLU).
        widths: of the hidden layers.
        rates: of dropout, one after each hidden layer.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        activation: NewActivation,
        widths: tuple[int, ...],
        rates: tuple[float, ...],
    ) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())  # (B, C * H * W)
        before = _size(input_shape)
        for i, (width, rate) in enumerate(zip(widths, rates, strict=True), start=1):
            layers[f"dense{i}"] = nn.Linear(before, width)
            layers[f"activation{i}"] = activation()
            layers[f"norm{i}"] = nn.BatchNorm1d(width)
            layers[f"dropout{i}"] = nn.Dropout(rate)
            before = width
        layers["classify"] = nn.Linear(before, n_classes)
        super().__init__(layers)


class Logistic(nn.Sequential):
    """Multinomial logistic regression: one linear layer on all values."""

    def __init__(self, input_shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__(OrderedDict(flatten=nn.Flatten(), classify=nn.Linear(_size(input_shape), n_classes)))


def count_parameters(input_shape: tuple[int, int, int], n_classes: int, widths: tuple[int, ...]) -> int:
    """How many parameters a `DNN` has: of each layer weights and biases, of each batch norm a scale and a shift."""
    sizes = (_size(input_shape), *widths)
    hidden = sum(before * after + 3 * after for before, after in zip(sizes, widths, strict=False))
    return hidden + sizes[-1] * n_classes + n_classes


def matching_widths(
    input_shape: tuple[int, int, int], n_classes: int, widths: tuple[int, ...], n_parameters: int
) -> tuple[int, ...]:
    """Widths scaled by one factor so that a `DNN` comes nearest to a number of parameters.

    The first width takes every whole number; the others follow it, rounded, at least 1.
    """

    def scaled(first: int) -> tuple[int, ...]:
        return tuple(max(1, round(width * first / widths[0])) for width in widths)

    low, high = 1, 2
    while count_parameters(input_shape, n_classes, scaled(high)) < n_parameters:
        high *= 2
    while high - low > 1:
        middle = (low + high) // 2
        below = count_parameters(input_shape, n_classes, scaled(middle)) < n_parameters
        low, high = (middle, high) if below else (low, middle)
    return min(
        (scaled(low), scaled(high)),
        key=lambda found: abs(count_parameters(input_shape, n_classes, found) - n_parameters),
    )


def _size(input_shape: tuple[int, int, int]) -> int:
    channels, height, width = input_shape
    return channels * height * width
