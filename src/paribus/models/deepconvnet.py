"""DeepConvNet as R0 describes it (after Schirrmeister et al. 2017, "Deep learning with CNNs for EEG decoding")."""

from collections import OrderedDict

from torch import nn

from paribus.models.activation import NewActivation
from paribus.models.shape import need_one_plane, size_after

WIDTHS = (25, 50, 100, 200)


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
        n_channels = input_shape[1]
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
            width_in = width
        width_in *= size_after("DeepConvNet", layers, input_shape, "samples")
        layers["flatten"] = nn.Flatten()
        layers["classify"] = nn.Linear(width_in, n_classes)
        super().__init__(layers)
