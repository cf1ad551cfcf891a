"""The networks of R2 and R4 for faces."""

from collections import OrderedDict

from torch import nn

from paribus.models.activation import NewActivation
from paribus.models.shape import size_after

Block = tuple[int, int, bool]
"""Filters, kernel, whether it pools by 2."""

FACE_CNN: dict[int, tuple[Block, ...]] = {
    2: ((16, 5, True), (32, 5, True)),
    5: ((8, 5, False), (8, 5, False), (16, 3, True), (32, 3, True), (64, 3, True)),
}
"""By number of blocks. R2 gives kernels and pooling, not the widths: these are ours, for an epoch of FER2013 within a
minute on 2 cores; the time goes with the activations at 48 x 48 more than with the multiply-adds."""
FACE_CNN_RATES: dict[int, tuple[float, ...]] = {2: (0.1, 0.1, 0.25), 5: (0.05, 0.05, 0.15, 0.15, 0.15, 0.4)}
"""Of dropout after each block and before the last layer: small, then larger, as R2 has it."""
FACE_CNN_DENSE = 256

FACE_CNN_LARGE: tuple[Block, ...] = (
    (64, 5, False),
    (64, 5, True),
    (128, 3, True),
    (512, 3, True),
    (512, 3, True),
)
"""R4's blocks."""
FACE_CNN_LARGE_DENSE = (512, 512)


class FaceCNN(nn.Sequential):
    """R2's network: blocks conv - activation - batch norm - [max pool] - dropout, one dense layer, one linear layer.

    Five blocks, the first two 5x5 with few channels and without pooling, the last three 3x3; or the two blocks that R2
    started from. Dropout in the blocks is of whole channels, as in R4. R2 does not give widths; here they are 8, 8, 16,
    32, 64 and 256 (16, 32 and 256 with two blocks).

    Args:
        input_shape: (channels, height, width), height and width at least 8.
        n_classes: at least 2.
        activation: gives a new activation module.
        blocks: 5 or 2.
        rates: of dropout, one after each block and one before the last layer.

    Raises:
        ModelError: the input is too small.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        activation: NewActivation,
        blocks: int,
        rates: tuple[float, ...],
    ) -> None:
        layers, width = _blocks("FaceCNN", input_shape, FACE_CNN[blocks], activation, rates)
        layers["dense"] = nn.Linear(width, FACE_CNN_DENSE)
        layers["dense_activation"] = activation()
        layers["dense_norm"] = nn.BatchNorm1d(FACE_CNN_DENSE)
        layers["dense_dropout"] = nn.Dropout(rates[-1])
        layers["classify"] = nn.Linear(FACE_CNN_DENSE, n_classes)
        super().__init__(layers)


class FaceCNNLarge(nn.Sequential):
    """R4's network: five convolution blocks and two dense ones, then a linear layer.

    A block is conv - activation - batch norm - [max pool] - dropout of whole channels; a dense one is linear - ReLU -
    batch norm - dropout.

    5,758,791 parameters at 1 x 48 x 48 and 7 classes.

    Args:
        input_shape: (channels, height, width), height and width at least 16.
        n_classes: at least 2.
        activation: of the convolution blocks (R4: LeakyReLU 0.05).
        rates: of dropout, one after each of the five blocks and the two dense layers.

    Raises:
        ModelError: the input is too small.
    """

    def __init__(
        self, input_shape: tuple[int, int, int], n_classes: int, activation: NewActivation, rates: tuple[float, ...]
    ) -> None:
        layers, width = _blocks("FaceCNNLarge", input_shape, FACE_CNN_LARGE, activation, rates)
        for i, dense in enumerate(FACE_CNN_LARGE_DENSE, start=1):
            layers[f"dense{i}"] = nn.Linear(width, dense)
            layers[f"dense_activation{i}"] = nn.ReLU()
            layers[f"dense_norm{i}"] = nn.BatchNorm1d(dense)
            layers[f"dense_dropout{i}"] = nn.Dropout(rates[len(FACE_CNN_LARGE) + i - 1])
            width = dense
        layers["classify"] = nn.Linear(width, n_classes)
        super().__init__(layers)


def _blocks(
    network: str,
    input_shape: tuple[int, int, int],
    blocks: tuple[Block, ...],
    activation: NewActivation,
    rates: tuple[float, ...],
) -> tuple[OrderedDict[str, nn.Module], int]:
    """The convolution blocks with "same" padding, flattened, and how wide that is."""
    channels = input_shape[0]
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i, (filters, kernel, pools) in enumerate(blocks, start=1):
        layers[f"conv{i}"] = nn.Conv2d(channels, filters, kernel, padding=kernel // 2)
        layers[f"activation{i}"] = activation()
        layers[f"norm{i}"] = nn.BatchNorm2d(filters)
        if pools:
            layers[f"pool{i}"] = nn.MaxPool2d(2)
        layers[f"dropout{i}"] = nn.Dropout2d(rates[i - 1])
        channels = filters
    height, width = (size_after(network, layers, input_shape, what) for what in ("rows", "columns"))
    layers["flatten"] = nn.Flatten()  # (B, channels * height * width)
    return layers, channels * height * width
