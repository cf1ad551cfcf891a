"""The training loop, in plain sight."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from paribus.errors import NonFiniteLoss
from paribus.models.build import constrain
from paribus.record import EpochRow
from paribus.spec import TrialSpec
from paribus.training.early_stop import should_stop
from paribus.training.evaluate import loss_and_accuracy, predict_logits
from paribus.training.loss import class_weights, objective
from paribus.training.optimiser import make_optimizer
from paribus.training.rng import stream_seed, torch_generator
from paribus.training.schedule import learning_rate
from paribus.training.select import is_better

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Prepared examples of one part.

    Attributes:
        x: (n, *input_shape) float32, on the device.
        y: (n,) int64, on the CPU.
    """

    x: torch.Tensor
    y: torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """What training gave."""

    history: tuple[EpochRow, ...]
    selected_epoch: int
    stopped_early: bool
    weights: Weights
    """Of the selected epoch, on the CPU."""


def fit(
    model: nn.Module,
    train: Examples,
    validation: Examples,
    test: Examples,
    spec: TrialSpec,
    on_epoch: Callable[[EpochRow], None],
) -> Fitted:
    """Train a network.

    The test part is measured after every epoch for the test curve; it chooses nothing unless
    ``spec.selection`` is ``best_test``.

    Args:
        model: with its initial weights, on the device of the examples; trained in place.
        train: shuffled anew each epoch; holds every class.
        validation: for early stopping and selection.
        test: for the test curve.
        spec: the trial.
        on_epoch: told of each epoch, cannot change anything.

    Raises:
        NonFiniteLoss: the loss became NaN or infinite.
    """
    recipe, n, device = spec.train, len(train.y), train.x.device
    optimizer = make_optimizer(recipe.optimizer, model.parameters())
    weights = class_weights(recipe.loss, np.bincount(train.y.numpy()))
    weights = None if weights is None else weights.to(device)
    y_train = train.y.to(device)
    steps_per_epoch = math.ceil(n / recipe.batch_size)
    history: list[EpochRow] = []
    best: EpochRow | None = None
    best_weights: Weights = {}
    stopped_early = False

    for epoch in range(1, recipe.epochs + 1):
        started = time.perf_counter()
        order = torch.randperm(n, generator=torch_generator(spec.seed, "order", epoch)).to(device)
        torch.manual_seed(stream_seed(spec.seed, "dropout", epoch))  # nothing but dropout draws from it
        model.train()
        loss_sum, n_correct, lr = 0.0, 0, 0.0
        for i, batch in enumerate(order.split(recipe.batch_size)):
            step = (epoch - 1) * steps_per_epoch + i
            rate = learning_rate(recipe.schedule, recipe.optimizer.lr, step, steps_per_epoch, recipe.epochs)
            lr = rate if i == 0 else lr
            for group in optimizer.param_groups:
                group["lr"] = rate
            y = y_train[batch]
            with torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bf16"):
                logits = model(train.x[batch])
            logits = logits.float()
            loss = objective(recipe.loss, logits, y, weights)
            if not math.isfinite(loss.item()):
                raise NonFiniteLoss(epoch, i + 1, loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            constrain(model, spec.model)
            # A sum over examples, so that a smaller last batch does not weigh more (R0's trap).
            loss_sum += cross_entropy(logits.detach(), y, reduction="sum").item()
            n_correct += int((logits.argmax(1) == y).sum())

        validation_loss, validation_accuracy = loss_and_accuracy(predict_logits(model, validation.x), validation.y)
        test_loss, test_accuracy = loss_and_accuracy(predict_logits(model, test.x), test.y)
        if not math.isfinite(validation_loss + test_loss):  # the last step of the epoch broke the weights
            raise NonFiniteLoss(epoch, steps_per_epoch, validation_loss + test_loss)
        row = EpochRow(
            epoch=epoch,
            train_loss=loss_sum / n,
            train_accuracy=n_correct / n,
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
            test_loss=test_loss,
            test_accuracy=test_accuracy,
            lr=lr,
            seconds=time.perf_counter() - started,
        )
        history.append(row)
        on_epoch(row)
        if is_better(spec.selection, row, best):
            best = row
            best_weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
        if epoch < recipe.epochs and should_stop(recipe.early_stop, [r.validation_loss for r in history]):
            stopped_early = True
            break

    assert best is not None
    return Fitted(tuple(history), best.epoch, stopped_early, best_weights)
