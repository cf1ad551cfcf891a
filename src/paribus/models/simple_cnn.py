"""SimpleCNN of R3."""

from collections import OrderedDict

from torch import nn

from paribus.models.activation import NewActivation
from paribus.models.shape import size_after


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
        channels = input_shape[0]
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for i, filters in enumerate((32, 64, 128), start=1):
            layers[f"conv{i}"] = nn.Conv2d(channels, filters, 3, padding=1)
            layers[f"norm{i}"] = nn.BatchNorm2d(filters)
            layers[f"activation{i}"] = activation()
            layers[f"pool{i}"] = nn.MaxPool2d(2)
            channels = filters
        height, width = (size_after("SimpleCNN", layers, input_shape, what) for what in ("rows", "columns"))
        layers["dropout"] = nn.Dropout(dropout)
        layers["flatten"] = nn.Flatten()  # (B, 128 * height * width)
        layers["classify"] = nn.Linear(channels * height * width, n_classes)
        super().__init__(layers)
