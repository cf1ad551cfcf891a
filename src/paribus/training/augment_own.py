"""Augmentation by functions of one's own, ``package.module:function``."""

from collections.abc import Sequence

import numpy as np
import torch

from paribus.errors import ModelError, TrainingError
from paribus.models.custom import function_of
from paribus.spec import AnyAugmentation, FunctionSpec
from paribus.training.augment_draws import Draws


def apply_function(x: torch.Tensor, spec: FunctionSpec, draws: Draws) -> torch.Tensor:
    """What the function makes of a batch.

    Args:
        x: (B, C, H, W) float32.
        spec: the function and its arguments.
        draws: of the batch's examples.

    Raises:
        TrainingError: it cannot be imported, fails, or gives something other than a tensor like x.
    """
    try:
        function = function_of(spec.name)
    except ModelError as error:
        raise TrainingError(str(error)) from None
    try:
        given = function(x, draws, **spec.args)
    except Exception as error:  # a function of one's own may raise anything
        raise TrainingError(
            f"{spec.name} failed on x of shape {tuple(x.shape)}: {type(error).__name__}: {error}; "
            "it is called as function(x, draws, **args)"
        ) from None
    if not isinstance(given, torch.Tensor) or given.shape != x.shape or given.dtype != x.dtype:
        is_tensor = isinstance(given, torch.Tensor)
        found = f"{given.dtype} of shape {tuple(given.shape)}" if is_tensor else type(given).__name__
        raise TrainingError(f"{spec.name} must give {x.dtype} of shape {tuple(x.shape)}, as x is, gave {found}")
    return given


def check_functions(specs: Sequence[AnyAugmentation], input_shape: tuple[int, int, int]) -> None:
    """Try each function on a dummy batch of two; built-in augmentations are passed over.

    Args:
        specs: as asked for.
        input_shape: (C, H, W) of an example.

    Raises:
        TrainingError: one does not work, in words.
    """
    for i, spec in enumerate(specs):
        if isinstance(spec, FunctionSpec):
            try:
                apply_function(torch.zeros(2, *input_shape), spec, Draws(0, np.arange(2, dtype=np.uint64)))
            except TrainingError as error:
                raise TrainingError(f"train.augmentation.{i}: {error}") from None
