"""DeepConvNet as R0 describes it (after Schirrmeister et al. 2017, "Deep learning with CNNs for EEG decoding")."""

from collections import OrderedDict

from torch import nn

from paribus.models.activation import NewActivation
from paribus.models.shape import convolved, need_at_least, need_one_plane

WIDTHS = (25, 50, 100, 200)


def _shortest() -> int:
    size = 1
    for _ in WIDTHS:
        size = 2 * size + 4  # undo MaxPool(1x2), then the valid convolution of 5
    return size


SHORTEST = _shortest()
"""Samples that leave one after four times convolution of 5 and pooling of 2: 76."""


class DeepConvNet(nn.Sequential):
    """Four blocks of valid convolution over time and max pooling, the first with a spatial convolution.

    150,977 parameters and a flatten width of 8600 at 2 channels x 750 samples and 2 classes.

    Args:
        input_shape: (1, n_channels, n_times), n_times at least 76.
        n_classes: at least 2.
        activation: gives a new activation module.
        dropout: probability from 0 up to 1 (R0: 0.5).

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
        need_one_plane("DeepConvNet", input_shape)
        need_at_least("DeepConvNet", "samples", input_shape[2], SHORTEST)
        n_channels, n_times = input_shape[1:]
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        width_in = 1
        for i, width in enumerate(WIDTHS, start=1):
            layers[f"conv{i}"] = nn.Conv2d(width_in, width, (1, 5))
            if i == 1:
                layers["spatial"] = nn.Conv2d(width, width, (n_channels, 1))  # (B, 25, 1, n_times - 4)
            layers[f"norm{i}"] = nn.BatchNorm2d(width)
            layers[f"activation{i}"] = activation()
            layers[f"pool{i}"] = nn.MaxPool2d((1, 2))  # (B, width, 1, (n_times - 4) // 2)
            layers[f"dropout{i}"] = nn.Dropout(dropout)
            n_times, width_in = convolved(n_times, 5) // 2, width
        layers["flatten"] = nn.Flatten()
        layers["classify"] = nn.Linear(width_in * n_times, n_classes)
        super().__init__(layers)
