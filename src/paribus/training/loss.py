"""What is minimised: cross-entropy with class weights, label smoothing and flooding."""

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import cross_entropy

from paribus.spec import LossSpec


def class_weights(spec: LossSpec, counts: npt.NDArray[np.int64]) -> torch.Tensor | None:
    """The weight of each class in the mean over examples; None when all weigh 1.

    ``inverse_count`` is 1 / n of the class, ``inverse_share`` is 1 / (n of the class / n) (R2's two ways). The
    weighted losses are averaged over examples, not over weights, so the two differ by a factor of n.
    ``effective_number`` is (1 - beta) / (1 - beta^n of the class), scaled to add up to the number of classes
    (Cui et al. 2019, "Class-balanced loss based on effective number of samples").

    Args:
        spec: the loss.
        counts: (n_classes,) examples of each class in the training part, all above 0.
    """
    if spec.class_weights == "none":
        return None
    if spec.class_weights == "effective_number":
        weights = (1 - spec.beta) / -np.expm1(counts * np.log(spec.beta))  # exact for beta near 1 too
        weights = weights * (len(counts) / weights.sum())
    else:
        weights = 1.0 / counts
        if spec.class_weights == "inverse_share":
            weights = weights * counts.sum()
    return torch.tensor(weights, dtype=torch.float32)


def objective(
    spec: LossSpec, logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None
) -> torch.Tensor:
    """The loss of a batch, a scalar.

    The loss of mixed classes is the mix of the classes' losses, with weights and label smoothing too. Flooding is
    |loss - b| + b (Ishida et al. 2020, "Do we need zero training loss after achieving zero training error?"): below b
    its gradient is reversed. docs/derivations.md has the gradients.

    Args:
        spec: the loss.
        logits: (B, n_classes) float32.
        targets: (B,) int64 classes, or (B, n_classes) float32 shares of the classes (mixup).
        weights: (n_classes,), from `class_weights`.
    """
    loss = cross_entropy(logits, targets, weight=weights, label_smoothing=spec.label_smoothing, reduction="none").mean()
    if spec.flooding is not None:
        loss = (loss - spec.flooding).abs() + spec.flooding
    return loss
