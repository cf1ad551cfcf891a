"""SimpleCNN of R3."""

from collections import OrderedDict

from torch import nn

from paribus.models.activation import NewActivation
from paribus.models.shape import need_at_least

SMALLEST = 8
"""Rows and columns that three poolings of 2 leave one of."""


class SimpleCNN(nn.Sequential):
    """Three blocks conv 3x3 - batch norm - activation - max pool 2 with 32, 64, 128 channels, then one linear layer.

    114,186 parameters at 3 x 32 x 32 and 10 classes.

    Args:
        input_shape: (channels, height, width), height and width at least 8.
        n_classes: at least 2.
        activation: gives a new activation module (R3: ReLU).
        dropout: probability from 0 up to 1, before the linear layer.

    Raises:
        ModelError: the input does not fit.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        activation: NewActivation,
        dropout: float,
    ) -> None:
        channels, height, width = input_shape
        need_at_least("SimpleCNN", "rows", height, SMALLEST)
        need_at_least("SimpleCNN", "columns", width, SMALLEST)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for i, filters in enumerate((32, 64, 128), start=1):
            layers[f"conv{i}"] = nn.Conv2d(channels, filters, 3, padding=1)
            layers[f"norm{i}"] = nn.BatchNorm2d(filters)
            layers[f"activation{i}"] = activation()
            layers[f"pool{i}"] = nn.MaxPool2d(2)
            channels = filters
        layers["dropout"] = nn.Dropout(dropout)
        layers["flatten"] = nn.Flatten()  # (B, 128 * (height // 8) * (width // 8))
        layers["classify"] = nn.Linear(128 * (height // 8) * (width // 8), n_classes)
        super().__init__(layers)
