"""Augmentation in training: what is done to a batch in an epoch, and what of it fits the data.

Every example has draws of its own in every epoch. They depend on the trial's seed, the epoch, the example's row in the
data set and the augmentation (its name, and how many of this name stand before it) alone: neither the batch nor the
other augmentations nor what was left out of training change them.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.functional import one_hot

from paribus.data.dataset import Kind
from paribus.errors import TrainingError
from paribus.spec import (
    AffineSpec,
    AnyAugmentation,
    BrightnessSpec,
    ContrastSpec,
    CropSpec,
    CutoutSpec,
    EEGAugmentation,
    ErasingSpec,
    FunctionSpec,
    ImageAugmentation,
    MixupSpec,
    TimeMaskSpec,
    TimeShiftSpec,
)
from paribus.training.augment_draws import Draws, keys
from paribus.training.augment_eeg import augment_eeg
from paribus.training.augment_image import augment_images
from paribus.training.rng import stream_seed

Augment = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""x (B, C, H, W) float32 and rows (B,) int64 -> a new tensor of the shape of x."""


def augmenter(specs: Sequence[AnyAugmentation], kind: Kind, n_rows: int, seed: int, epoch: int) -> Augment | None:
    """The augmentation of one epoch; None when there is none but mixup.

    Rows are those of the whole data set, from 0 to n_rows - 1. Where an epoch has a row several times
    (`order.copies`), ``row + copy * n_rows`` gives each copy draws of its own.

    Args:
        specs: what is done, in this order; after `check`.
        kind: images are given as pixels from 0 to 255, EEG normalised.
        n_rows: examples in the data set.
        seed: the trial's.
        epoch: from 1.
    """
    streams = _streams(specs, seed, epoch)
    images = [(spec, stream) for spec, stream in streams if isinstance(spec, ImageAugmentation | FunctionSpec)]
    eeg = [(spec, stream) for spec, stream in streams if isinstance(spec, EEGAugmentation | FunctionSpec)]
    if not (images if kind == "image" else eeg):
        return None

    def augment(x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        who = keys(rows, n_rows)
        with torch.no_grad():
            if kind == "image":
                return augment_images(x, [(spec, Draws(stream, who)) for spec, stream in images])
            return augment_eeg(x, [(spec, Draws(stream, who)) for spec, stream in eeg])

    return augment


def mixup_of(specs: Sequence[AnyAugmentation]) -> MixupSpec | None:
    """The mixup among augmentations; None when there is none."""
    return next((spec for spec in specs if isinstance(spec, MixupSpec)), None)


def mixed(
    x: torch.Tensor,
    y: torch.Tensor,
    spec: MixupSpec,
    rows: torch.Tensor,
    n_classes: int,
    seed: int,
    epoch: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Each example mixed with another of its batch (Zhang et al. 2018, "mixup: beyond empirical risk minimization").

    Partners stand in a ring by a draw of each, so that everyone is a partner once and nobody their own; who is paired
    depends on who is in the batch, not on their order. A batch of one stays as it is. Each has a share of its own.

    Args:
        x: (B, C, H, W) as the network would see it.
        y: (B,) int64.
        spec: the shares' distribution.
        rows: (B,) int64, as for `augmenter`.
        n_classes: number of classes.
        seed: the trial's.
        epoch: from 1.

    Returns:
        the mixed x, and (B, n_classes) float32 shares of the classes, which add up to 1.
    """
    from scipy.special import betaincinv

    draws = Draws(stream_seed(seed, "augmentation", f"{epoch}/mixup/0"), rows.cpu().numpy().astype(np.uint64))
    u = draws.uniform(2)
    share = torch.from_numpy(betaincinv(spec.alpha, spec.alpha, u[:, 0].numpy()))
    share = torch.maximum(share, 1 - share).to(torch.float32)
    ring = u[:, 1].argsort()
    partner = torch.empty_like(ring)
    partner[ring] = ring.roll(-1)

    own = share.to(x.device)[:, None, None, None]
    mixture = own * x + (1 - own) * x[partner.to(x.device)]
    classes = one_hot(y, n_classes).to(torch.float32)
    own = share.to(y.device)[:, None]
    return mixture, own * classes + (1 - own) * classes[partner.to(y.device)]


def check(
    specs: Sequence[AnyAugmentation], kind: Kind, input_shape: tuple[int, int, int], dtype: np.dtype[Any]
) -> None:
    """Raise TrainingError when an augmentation does not fit the data.

    Args:
        specs: as asked for.
        kind: of the data.
        input_shape: (C, H, W) of an example.
        dtype: of the data: uint8 or float32.
    """
    for i, spec in enumerate(specs):
        if problem := _problem(spec, kind, input_shape) or _needs_bytes(spec, dtype):
            raise TrainingError(f"train.augmentation.{i}: {problem}")
    if sum(isinstance(spec, MixupSpec) for spec in specs) > 1:
        raise TrainingError("train.augmentation: mixup can stand only once, give one of them")


def _problem(spec: AnyAugmentation, kind: Kind, input_shape: tuple[int, int, int]) -> str | None:
    _, height, width = input_shape
    if isinstance(spec, ImageAugmentation) and kind != "image":
        return f"{spec.name} is for images, and these data are EEG: remove it"
    if isinstance(spec, EEGAugmentation) and kind != "eeg":
        return f"{spec.name} is for EEG, and these data are images: remove it"
    match spec:
        case CropSpec() if spec.padding >= min(height, width):
            return f"crop.padding must be less than the image of {height} x {width} pixels, got {spec.padding}"
        case CutoutSpec() if spec.size > min(height, width):
            return f"cutout.size must be at most the image of {height} x {width} pixels, got {spec.size}"
        case TimeShiftSpec() | TimeMaskSpec() if spec.samples >= width:
            return f"{spec.name}.samples must be less than the trial of {width} samples, got {spec.samples}"
        case AffineSpec():
            return _range("affine.scale", spec.scale)
        case ErasingSpec():
            return _range("erasing.area", spec.area) or _range("erasing.aspect", spec.aspect)
    return None


def _needs_bytes(spec: AnyAugmentation, dtype: np.dtype[Any]) -> str | None:
    """What ends at white (255), or fills with a grey value, means nothing for images in units of their own."""
    if dtype == np.uint8 or not isinstance(spec, ImageAugmentation):
        return None
    given: str = spec.name if isinstance(spec, BrightnessSpec | ContrastSpec) else ""
    if getattr(spec, "fill", 0.0) != 0.0:
        given = f"{spec.name}.fill other than 0"
    units = f"needs pixels of 0 to 255 as uint8, and these images are {dtype.name} in units of their own"
    return f"{given} {units}: remove it, or save the images as uint8" if given else None


def _range(name: str, given: tuple[float, float]) -> str | None:
    low, high = given
    return f"{name} must go from the smaller to the larger, got {low} to {high}: swap them" if low > high else None


def _streams(specs: Sequence[AnyAugmentation], seed: int, epoch: int) -> list[tuple[AnyAugmentation, int]]:
    """Each augmentation with the seed of its own numbers."""
    before: Counter[str] = Counter()
    streams = []
    for spec in specs:
        streams.append((spec, stream_seed(seed, "augmentation", f"{epoch}/{spec.name}/{before[spec.name]}")))
        before[spec.name] += 1
    return streams
