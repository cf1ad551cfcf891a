"""Augmentation by functions of one's own, ``package.module:function``."""

import copy
from collections.abc import Sequence

import numpy as np
import torch

from paribus.errors import ModelError, TrainingError
from paribus.models.custom import OWN_CODE_RAISES, function_of, what_happened
from paribus.spec import AnyAugmentation, FunctionSpec
from paribus.training.augment_draws import Draws


def apply_function(x: torch.Tensor, spec: FunctionSpec, draws: Draws) -> torch.Tensor:
    """What the function makes of a batch.

    Args:
        x: (B, C, H, W) float32.
        spec: the function and its arguments, of which it is given copies.
        draws: of the batch's examples.

    Raises:
        TrainingError: it cannot be imported, fails, or gives something other than a tensor like x of finite values.
    """
    given = _called(x, spec, draws)
    least, greatest = torch.aminmax(given)  # NaN where any value is; the quickest way to look at all of them
    if not (least.isfinite() and greatest.isfinite()):
        raise TrainingError(
            f"{spec.name} gave values that are NaN or infinite, on a batch of shape {tuple(x.shape)}: it must give "
            "finite ones, also where an example is constant or zero"
        )
    return given


def _called(x: torch.Tensor, spec: FunctionSpec, draws: Draws) -> torch.Tensor:
    try:
        function = function_of(spec.name)
    except ModelError as error:
        raise TrainingError(str(error)) from None
    form = _form(x)  # the function may change x itself
    try:
        with torch.no_grad():
            given = function(x, draws, **copy.deepcopy(spec.args))
    except OWN_CODE_RAISES as error:
        raise TrainingError(
            f"{spec.name} failed on x of shape {tuple(x.shape)}: {what_happened(error)}; "
            "it is called as function(x, draws, **args)"
        ) from None
    found = _form(given) if isinstance(given, torch.Tensor) else type(given).__name__
    if not isinstance(given, torch.Tensor) or found != form:
        raise TrainingError(f"{spec.name} must give {form}, as x is, gave {found}")
    return given


def _form(x: torch.Tensor) -> str:
    """All of a tensor but its values, in words."""
    layout = "" if x.layout == torch.strided else f" ({x.layout})"
    return (
        f"{x.dtype} of shape {tuple(x.shape)}{layout} on {x.device}{' with requires_grad' if x.requires_grad else ''}"
    )


def check_functions(specs: Sequence[AnyAugmentation], input_shape: tuple[int, int, int]) -> None:
    """Try each function on a batch of two examples of zeros; built-in augmentations are passed over.

    What values it gives is seen in training only: of zeros, a function may have none to give.

    Args:
        specs: as asked for.
        input_shape: (C, H, W) of an example.

    Raises:
        TrainingError: one does not work, in words.
    """
    for i, spec in enumerate(specs):
        if isinstance(spec, FunctionSpec):
            try:
                _called(torch.zeros(2, *input_shape), spec, Draws(0, np.arange(2, dtype=np.uint64)))
            except TrainingError as error:
                raise TrainingError(f"train.augmentation.{i}: {error}") from None
