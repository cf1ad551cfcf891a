"""The learning rate as a function of the step: no state, so resuming needs none."""

import math

from paribus.spec import ConstantSpec, CosineSpec, OneCycleSpec, StepSpec

Schedule = ConstantSpec | StepSpec | CosineSpec | OneCycleSpec

START = 25.0
"""A cycle starts at lr / 25 …"""
END = 1e4
"""… and ends at a ten-thousandth of that (PyTorch's defaults)."""


def learning_rate(spec: Schedule, lr: float, step: int, steps_per_epoch: int, epochs: int) -> float:
    """The learning rate at a step.

    Args:
        spec: the schedule.
        lr: the optimiser's; the highest rate of a cycle.
        step: from 0, over all epochs.
        steps_per_epoch: batches an epoch.
        epochs: that training would last.
    """
    total = steps_per_epoch * epochs
    match spec:
        case ConstantSpec():
            return lr
        case StepSpec():
            return float(lr * spec.factor ** (step // steps_per_epoch // spec.every))
        case CosineSpec():
            return _cosine(lr, 0.0, step / total)
        case OneCycleSpec():
            top = max(spec.warmup * total - 1, 0)  # the step, as a fraction, that has the highest rate
            if step < top:
                return _cosine(lr / START, lr, step / top)
            return _cosine(lr, lr / START / END, (step - top) / max(total - 1 - top, 1))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
