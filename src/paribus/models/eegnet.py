"""EEGNet as R0 describes it (after Lawhern et al. 2018, "EEGNet: a compact convolutional network for EEG")."""

from collections import OrderedDict

from torch import nn

from paribus.models.activation import NewActivation
from paribus.models.shape import need_one_plane, size_after


class EEGNet(nn.Sequential):
    """Temporal filters, spatial filters for each, separable-like filters over time, one linear layer.

    17,874 parameters and a flatten width of 736 at 2 channels x 750 samples and 2 classes.

    Args:
        input_shape: (1, n_channels, n_times), n_times at least 32.
        n_classes: at least 2.
        activation: gives a new activation module.
        dropout: probability from 0 up to 1 (R0: 0.5, R1: 0.25).

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
        need_one_plane("EEGNet", input_shape)
        n_channels = input_shape[1]
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            temporal=nn.Conv2d(1, 16, (1, 51), padding=(0, 25), bias=False),  # (B, 16, n_channels, n_times)
            temporal_norm=nn.BatchNorm2d(16),
            spatial=nn.Conv2d(16, 32, (n_channels, 1), groups=16, bias=False),  # (B, 32, 1, n_times)
            spatial_norm=nn.BatchNorm2d(32),
            spatial_activation=activation(),
            spatial_pool=nn.AvgPool2d((1, 4)),  # (B, 32, 1, n_times // 4)
            spatial_dropout=nn.Dropout(dropout),
            separable=nn.Conv2d(32, 32, (1, 15), padding=(0, 7), bias=False),
            separable_norm=nn.BatchNorm2d(32),
            separable_activation=activation(),
            separable_pool=nn.AvgPool2d((1, 8)),  # (B, 32, 1, n_times // 4 // 8)
            separable_dropout=nn.Dropout(dropout),
        )
        width = 32 * size_after("EEGNet", layers, input_shape, "samples")
        layers["flatten"] = nn.Flatten()
        layers["classify"] = nn.Linear(width, n_classes)
        super().__init__(layers)
