"""ResNet-18 (He et al. 2016, "Deep residual learning for image recognition"; R3)."""

from collections import OrderedDict
from typing import Literal

import torch
from torch import nn

from paribus.models.activation import NewActivation

STAGES = (64, 128, 256, 512)


class Add(nn.Module):
    """The sum of two branches; a module of its own, so that summaries and drawings show where they meet."""

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a + b


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, and a shortcut that is 1x1 and strided where the size changes.

    Args:
        channels: (in, out).
        stride: of the first convolution and the shortcut.
        activation: gives a new activation module.
    """

    def __init__(self, channels: tuple[int, int], stride: int, activation: NewActivation) -> None:
        super().__init__()
        before, after = channels
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.activation1 = activation()
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.shortcut = nn.Sequential()
        if stride != 1 or before != after:
            self.shortcut.append(nn.Conv2d(before, after, 1, stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(after))
        self.add = Add()
        self.activation2 = activation()

    def branches(self) -> tuple[nn.Sequential, nn.Sequential, nn.Module]:
        """Two chains of the layers, and what their sum goes through (for `kernels.lower`)."""
        names = ("conv1", "norm1", "activation1", "conv2", "norm2")
        main = nn.Sequential(OrderedDict((name, getattr(self, name)) for name in names))
        return main, nn.Sequential(OrderedDict(shortcut=self.shortcut)), self.activation2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branch = self.norm2(self.conv2(self.activation1(self.norm1(self.conv1(x)))))
        return self.activation2(self.add(branch, self.shortcut(x)))  # type: ignore[no-any-return]


class ResNet18(nn.Sequential):
    """A stem, four stages of two basic blocks with 64 to 512 channels, global average pooling, one linear layer.

    11,181,642 parameters at 3 channels and 10 classes with the stem ``imagenet``.

    Args:
        input_shape: (channels, height, width), any size.
        n_classes: at least 2.
        activation: gives a new activation module (R3: ReLU).
        stem: ``imagenet`` is 7x7 by 2 and max pooling 3x3 by 2; ``cifar`` is 3x3, for small images.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        activation: NewActivation,
        stem: Literal["imagenet", "cifar"],
    ) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        if stem == "imagenet":
            layers["stem"] = nn.Conv2d(input_shape[0], STAGES[0], 7, stride=2, padding=3, bias=False)
        else:
            layers["stem"] = nn.Conv2d(input_shape[0], STAGES[0], 3, padding=1, bias=False)
        layers["stem_norm"] = nn.BatchNorm2d(STAGES[0])
        layers["stem_activation"] = activation()
        if stem == "imagenet":
            layers["stem_pool"] = nn.MaxPool2d(3, stride=2, padding=1)
        before = STAGES[0]
        for i, width in enumerate(STAGES, start=1):
            layers[f"stage{i}_block1"] = BasicBlock((before, width), 1 if i == 1 else 2, activation)
            layers[f"stage{i}_block2"] = BasicBlock((width, width), 1, activation)
            before = width
        layers["pool"] = nn.AdaptiveAvgPool2d(1)
        layers["flatten"] = nn.Flatten()  # (B, 512)
        layers["classify"] = nn.Linear(before, n_classes)
        super().__init__(layers)
