"""Which pixels made a network name an image as it did: integrated gradients, by captum (the extra `saliency`)."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from paribus.errors import RunError

if TYPE_CHECKING:
    import torch

STEPS = 32
"""Of the path from the blank image; half as many change what is seen little."""
CHUNK = 128
"""Images that go through the network at a time."""
SMOOTHING = 0.8
"""Standard deviation in pixels: attributions of single pixels are too noisy to be read."""
BRIGHTEST = 99.0
"""Percentile of an image's attributions that is drawn strongest, so that one pixel does not dim all others."""


def require_captum() -> None:
    """Raises RunError where the extra is not installed."""
    if find_spec("captum") is None:
        raise RunError("saliency maps need captum: pip install 'paribus[saliency]'")


def saliency_maps(
    checkpoint: Path, x: npt.NDArray[np.generic], named: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """(n, H, W) from 0 to 1: how much each pixel moved the logit of a class, each image by its own range.

    Integrated gradients (Sundararajan, Taly & Yan 2017) along the path from the image that normalisation makes zero,
    as a rule the mean one; absolute values, summed over colours.

    Args:
        checkpoint: of a trained network.
        x: (n, C, H, W) images as the data set has them.
        named: (n,) the class of each that is to be explained.

    Raises:
        RunError: the extra `saliency` is not installed.
        CheckpointError: it is damaged or missing.
    """
    require_captum()
    import torch

    from paribus.data.normalise import apply
    from paribus.training.checkpoint import load

    description, model = load(checkpoint)
    normalised = torch.from_numpy(apply(x, description.normalisation))
    return scaled(attributions(model, normalised, torch.from_numpy(named)))


def attributions(model: "torch.nn.Module", x: "torch.Tensor", named: "torch.Tensor") -> npt.NDArray[np.float64]:
    """(n, H, W) absolute integrated gradients of normalised images (n, C, H, W), summed over colours.

    Args:
        model: in evaluation mode.
        x: the images; the path starts from zeros.
        named: (n,) int64, whose logits.
    """
    from captum.attr import IntegratedGradients

    found = IntegratedGradients(model).attribute(x, target=named, n_steps=STEPS, internal_batch_size=CHUNK)
    return np.asarray(found.detach().abs().sum(dim=1).double().numpy())


def scaled(strength: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n, H, W) smoothed over neighbouring pixels, each from 0 to 1."""
    from scipy.ndimage import gaussian_filter

    strength = gaussian_filter(strength, (0, SMOOTHING, SMOOTHING))
    top = np.percentile(strength, BRIGHTEST, axis=(1, 2), keepdims=True)
    return np.asarray(np.clip(strength / np.maximum(top, 1e-12), 0, 1))
