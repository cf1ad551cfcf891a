"""The training loop, in plain sight."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from paribus.errors import NonFiniteLoss
from paribus.kernels.lower import lower
from paribus.models.build import constrain
from paribus.models.side_effects import seed_everything
from paribus.record import EpochRow
from paribus.spec import TrainSpec, TrialSpec
from paribus.training.augment import augmenter, mixed, mixup_of
from paribus.training.early_stop import should_stop
from paribus.training.evaluate import casting, loss_and_accuracy, predict_logits
from paribus.training.examples import Examples
from paribus.training.loss import class_weights, objective
from paribus.training.optimiser import make_optimizer
from paribus.training.order import batches, copies
from paribus.training.order import order as draw_order
from paribus.training.rng import stream_seed
from paribus.training.schedule import learning_rate
from paribus.training.select import is_better
from paribus.training.state import Course, TrialState, Weights


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """What training gave."""

    history: tuple[EpochRow, ...]
    selected_epoch: int
    stopped_early: bool
    weights: Weights
    """Of the selected epoch, on the CPU."""
    outputs: tuple[torch.Tensor, ...] = ()
    """Logits of validation after each epoch, in cross-validation, where the epoch is chosen later."""


def fit(
    model: nn.Module,
    train: Examples,
    validation: Examples | None,
    test: Examples | None,
    spec: TrialSpec,
    on_epoch: Callable[[EpochRow], None],
    until: int | None = None,
    state: TrialState | None = None,
) -> Fitted:
    """Train a network, or go on with it.

    The test part is measured after every epoch for the test curve; it chooses nothing unless
    ``spec.selection`` is ``best_test``.

    Args:
        model: with its initial weights, on the device of the examples; trained in place.
        train: shuffled anew each epoch; holds every class.
        validation: for early stopping and selection; None where the epoch is known, and then none is measured.
        test: for the test curve; None likewise.
        spec: the trial.
        on_epoch: told of each epoch, cannot change anything.
        until: the epoch to end with, whose weights count; None to choose by ``spec.selection``.
        state: of the trial, to go on from and to keep.

    Raises:
        NonFiniteLoss: the loss became NaN or infinite.
    """
    recipe, n, device = spec.train, len(train), train.device
    fast = lower(model)  # the same parameters
    optimizer = make_optimizer(recipe.optimizer, model.parameters())
    counts = np.bincount(train.y.numpy())  # training holds every class
    weights, n_classes = class_weights(recipe.loss, counts), len(counts)
    weights = None if weights is None else weights.to(device)
    steps_per_epoch = len(batches(torch.arange(n), recipe.batch_size))
    stopped_early, early_stop = False, None if until else recipe.early_stop
    chance = spec.seed_of("dropout")
    state = state or TrialState()
    course = state.restore(model, optimizer)
    for row in course.history:
        on_epoch(row)

    for epoch in range(len(course.history) + 1, (until or recipe.epochs) + 1):
        if should_stop(early_stop, [row.validation_loss for row in course.history]):
            stopped_early = True
            break
        started = time.perf_counter()
        seed_everything(stream_seed(chance, "dropout", epoch))  # only code of one's own draws from it
        model.train()
        lr, losses, sums, hits = 0.0, [], [], []  # on the device: nothing is waited for within an epoch
        for i, (x, y, targets) in enumerate(_batches(train, spec, n_classes, epoch)):
            step = (epoch - 1) * steps_per_epoch + i
            rate = learning_rate(recipe.schedule, recipe.optimizer.lr, step, steps_per_epoch, recipe.epochs)
            lr = rate if i == 0 else lr
            for group in optimizer.param_groups:
                group["lr"] = rate
            fast.chance.seed = stream_seed(chance, "dropout", f"{epoch}/{i}")
            with casting(device, recipe.precision):
                logits = fast(x).float()
            loss = objective(recipe.loss, logits, targets, weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            constrain(model, spec.model)
            # A sum over examples, so that a smaller last batch does not weigh more (R0's trap).
            losses.append(loss.detach())
            sums.append(cross_entropy(logits.detach(), y, reduction="sum"))
            hits.append((logits.argmax(1) == y).sum())
        _require_finite(torch.stack(losses), epoch)

        train_score = torch.stack(sums).cpu().double().sum().item() / n, torch.stack(hits).sum().item() / n
        (said, validation_score), (_, test_score) = (_measure(model, part, recipe) for part in (validation, test))
        for part, (loss_there, _) in ((validation, validation_score), (test, test_score)):
            if part is not None and not math.isfinite(loss_there):  # the last step of the epoch broke the weights
                raise NonFiniteLoss(epoch, steps_per_epoch, loss_there)
        course.outputs += [said] if spec.data.folds is not None else []
        row = EpochRow(epoch, *train_score, *validation_score, *test_score, lr, time.perf_counter() - started)
        course.history.append(row)
        on_epoch(row)
        if until == epoch or (until is None and is_better(spec.selection, row, course.best)):
            course.best = row
            course.best_weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
        state.keep(model, optimizer, course)

    state.end(course)
    return fitted(course, stopped_early=stopped_early)


def fitted(course: Course, *, stopped_early: bool) -> Fitted:
    """What a training gave that has come to its end."""
    assert course.best is not None
    return Fitted(tuple(course.history), course.best.epoch, stopped_early, course.best_weights, tuple(course.outputs))


def _measure(model: nn.Module, part: Examples | None, recipe: TrainSpec) -> tuple[torch.Tensor, tuple[float, float]]:
    """Logits, and loss with accuracy, of a part; NaN where there is none to measure."""
    if part is None:
        return torch.empty(0), (math.nan, math.nan)
    logits = predict_logits(model, part, recipe.precision)
    return logits, loss_and_accuracy(logits, part.y)


def _require_finite(losses: torch.Tensor, epoch: int) -> None:
    """Raise NonFiniteLoss for the first step whose loss is none."""
    bad = (~torch.isfinite(losses)).nonzero()
    if len(bad):
        raise NonFiniteLoss(epoch, int(bad[0]) + 1, losses[bad[0]].item())


def _batches(
    train: Examples, spec: TrialSpec, n_classes: int, epoch: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """An epoch's x (B, C, H, W), classes y (B,), and what the loss is held against: y, or mixed shares of classes."""
    recipe, seed = spec.train, spec.seed_of("augmentation")
    n_rows, mixup = len(train.source), mixup_of(recipe.augmentation)
    order = draw_order(recipe.sampling, train.y, spec.seed_of("order"), epoch)
    whose = torch.from_numpy(train.rows)[order] + n_rows * copies(order)  # an example drawn twice has draws of its own
    augment = augmenter(recipe.augmentation, train.kind, n_rows, seed, epoch)
    for positions, who in zip(batches(order, recipe.batch_size), batches(whose, recipe.batch_size), strict=True):
        x, y = train.batch(positions, augment, who), train.y[positions].to(train.device)
        if mixup is None:
            yield x, y, y
        else:
            mixture, shares = mixed(x, y, mixup, who, n_classes, seed, epoch)
            yield mixture, y, shares
