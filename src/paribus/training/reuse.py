"""What a reloaded network says of raw examples, on the path that its own test took."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from paribus.spec import Precision
from paribus.training.checkpoint import Description
from paribus.training.evaluate import predict_logits
from paribus.training.examples import unlabelled
from paribus.training.trial import deterministic


def logits_of(
    description: Description, model: nn.Module, x: npt.NDArray[Any], precision: Precision | None = None
) -> npt.NDArray[np.float32]:
    """(n, n_classes) logits of raw examples.

    Args:
        description: of the network's checkpoint.
        model: the network.
        x: (n, C, H, W), uint8 or float32, as the data's source gives them.
        precision: that of training by default.
    """
    with deterministic(description.threads):
        examples = unlabelled(x, description.kind, description.normalisation, torch.device("cpu"))
        logits = predict_logits(model, examples, precision or description.spec.train.precision)
    found: npt.NDArray[np.float32] = logits.numpy()
    return found
