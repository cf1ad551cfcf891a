"""Loss, schedules, early stopping, selection and streams against hand-worked values and PyTorch's own."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from paribus.record import EpochRow
from paribus.spec import (
    AdamSpec,
    AdamWSpec,
    ConstantSpec,
    CosineSpec,
    EarlyStopSpec,
    LossSpec,
    OneCycleSpec,
    SgdSpec,
    StepSpec,
)
from paribus.training.early_stop import should_stop
from paribus.training.evaluate import loss_and_accuracy
from paribus.training.loss import class_weights, objective
from paribus.training.optimiser import make_optimizer
from paribus.training.rng import numpy_generator, stream_seed, torch_generator
from paribus.training.schedule import learning_rate
from paribus.training.select import is_better

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 1.5, 0.0], [0.0, 0.0, 3.0], [1.0, 0.0, 0.0]], dtype=torch.float64)
Y = torch.tensor([0, 2, 2, 1])


def by_hand() -> np.ndarray:
    """-log softmax at the true class, example by example."""
    z = LOGITS.numpy()
    return np.log(np.exp(z).sum(1)) - z[np.arange(4), Y.numpy()]


def test_plain_loss_is_the_mean_over_examples() -> None:
    assert objective(LossSpec(), LOGITS, Y, None).item() == pytest.approx(by_hand().mean(), rel=1e-12)


def test_class_weights_by_hand() -> None:
    counts = np.array([1, 1, 2])
    inverse_count = class_weights(LossSpec(class_weights="inverse_count"), counts)
    inverse_share = class_weights(LossSpec(class_weights="inverse_share"), counts)
    assert class_weights(LossSpec(), counts) is None
    torch.testing.assert_close(inverse_count, torch.tensor([1.0, 1.0, 0.5]))
    torch.testing.assert_close(inverse_share, torch.tensor([4.0, 4.0, 2.0]))
    loss = objective(LossSpec(class_weights="inverse_share"), LOGITS, Y, inverse_share.double())
    assert loss.item() == pytest.approx((by_hand() * np.array([4, 2, 2, 4])).mean(), rel=1e-12)


def test_label_smoothing_by_hand() -> None:
    smoothed = np.full((4, 3), 0.3 / 3)
    smoothed[np.arange(4), Y.numpy()] += 0.7
    log_p = LOGITS.numpy() - np.log(np.exp(LOGITS.numpy()).sum(1, keepdims=True))
    expected = -(smoothed * log_p).sum(1).mean()
    assert objective(LossSpec(label_smoothing=0.3), LOGITS, Y, None).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("level", "sign"), [(0.1, 1.0), (5.0, -1.0)])
def test_flooding_turns_the_gradient_below_its_level(level: float, sign: float) -> None:
    logits = LOGITS.clone().requires_grad_()
    plain = objective(LossSpec(), logits, Y, None)
    (gradient,) = torch.autograd.grad(plain, logits)
    flooded = objective(LossSpec(flooding=level), logits, Y, None)
    (flooded_gradient,) = torch.autograd.grad(flooded, logits)
    assert flooded.item() == pytest.approx(abs(plain.item() - level) + level, rel=1e-12)
    torch.testing.assert_close(flooded_gradient, sign * gradient)
    # softmax - one-hot, over the number of examples: the gradient that R2 derives
    softmax = torch.softmax(LOGITS, 1) - torch.nn.functional.one_hot(Y, 3)
    torch.testing.assert_close(gradient, softmax / 4)


def test_loss_and_accuracy() -> None:
    loss, accuracy = loss_and_accuracy(LOGITS.float(), Y)
    assert loss == pytest.approx(by_hand().mean(), rel=1e-6)
    assert accuracy == 0.5


@pytest.mark.parametrize(
    ("spec", "reference"),
    [
        (ConstantSpec(name="constant"), lambda o: torch.optim.lr_scheduler.ConstantLR(o, factor=1.0)),
        (
            StepSpec(name="step", factor=0.5, every=2),
            lambda o: torch.optim.lr_scheduler.StepLR(o, step_size=2 * 7, gamma=0.5),
        ),
        (CosineSpec(name="cosine"), lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=70)),
        (
            OneCycleSpec(name="one_cycle", warmup=0.3),
            lambda o: torch.optim.lr_scheduler.OneCycleLR(o, max_lr=0.1, total_steps=70, pct_start=0.3),
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_schedules_as_pytorch_has_them(spec, reference) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9)
    scheduler = reference(optimizer)
    for step in range(70):
        expected = optimizer.param_groups[0]["lr"]
        assert learning_rate(spec, 0.1, step, 7, 10) == pytest.approx(expected, rel=1e-9, abs=1e-15)
        optimizer.step()
        scheduler.step() if step < 69 else None


@pytest.mark.parametrize("warmup", [0.01, 0.5, 0.99])
@pytest.mark.parametrize(("steps", "epochs"), [(1, 1), (1, 2), (2, 1), (3, 1)])
def test_one_cycle_of_very_few_steps_is_finite(warmup: float, steps: int, epochs: int) -> None:
    spec = OneCycleSpec(name="one_cycle", warmup=warmup)
    rates = [learning_rate(spec, 0.1, step, steps, epochs) for step in range(steps * epochs)]
    assert all(0 <= rate <= 0.1 for rate in rates)


def test_step_schedule_by_hand() -> None:
    """R3: halved every 10 epochs."""
    spec = StepSpec(name="step")
    rates = {epoch: learning_rate(spec, 0.001, epoch * 5, 5, 80) for epoch in (0, 9, 10, 19, 20, 79)}
    assert rates == {0: 0.001, 9: 0.001, 10: 0.0005, 19: 0.0005, 20: 0.00025, 79: pytest.approx(0.001 / 2**7)}


def test_optimisers() -> None:
    parameters = [torch.nn.Parameter(torch.zeros(2))]
    adam = make_optimizer(AdamSpec(name="adam", lr=0.1, betas=(0.8, 0.9)), parameters)
    adamw = make_optimizer(AdamWSpec(name="adamw", weight_decay=0.2), parameters)
    sgd = make_optimizer(SgdSpec(name="sgd", momentum=0.5, nesterov=True), parameters)
    assert isinstance(adam, torch.optim.Adam)
    assert adam.defaults["betas"] == (0.8, 0.9)
    assert isinstance(adamw, torch.optim.AdamW)
    assert adamw.defaults["weight_decay"] == 0.2
    assert (sgd.defaults["momentum"], sgd.defaults["nesterov"], sgd.defaults["lr"]) == (0.5, True, 0.01)


@pytest.mark.parametrize(
    ("losses", "patience", "least", "stops"),
    [
        ([1.0, 0.9, 0.8], 1, 0.0, False),
        ([1.0, 1.0], 1, 0.0, True),
        ([1.0, 0.5, 0.6, 0.7], 2, 0.0, True),
        ([1.0, 0.5, 0.6, 0.4], 2, 0.0, False),
        ([1.0, 0.95, 0.9, 0.85], 3, 0.2, True),
        ([1.0, 0.95, 0.75, 0.7], 2, 0.2, False),
        ([float("nan"), float("nan")], 1, 0.0, True),
        ([float("nan"), 0.5], 1, 0.0, False),
    ],
)
def test_early_stopping(losses, patience, least, stops) -> None:
    assert should_stop(EarlyStopSpec(patience=patience, min_improvement=least), losses) is stops
    assert should_stop(None, losses) is False


def row(epoch: int, validation: tuple[float, float], test: tuple[float, float] = (0, 0)) -> EpochRow:
    return EpochRow(epoch, 0, 0, validation[1], validation[0], test[1], test[0], 0, 0)


@pytest.mark.parametrize(
    ("selection", "rows", "chosen"),
    [
        ("best_validation", [row(1, (0.8, 1.0)), row(2, (0.9, 2.0)), row(3, (0.7, 0.1))], 2),
        ("best_validation", [row(1, (0.8, 1.0)), row(2, (0.8, 0.5)), row(3, (0.8, 0.5))], 2),
        ("best_validation", [row(1, (0.8, 1.0), (0.1, 1)), row(2, (0.7, 1.0), (0.9, 1))], 1),
        ("best_test", [row(1, (0.8, 1.0), (0.1, 1)), row(2, (0.7, 1.0), (0.9, 1))], 2),
        ("last", [row(1, (0.8, 1.0)), row(2, (0.7, 2.0))], 2),
    ],
)
def test_selection(selection, rows, chosen) -> None:
    best = None
    for one in rows:
        if is_better(selection, one, best):
            best = one
    assert best is not None
    assert best.epoch == chosen


def test_streams_are_apart_and_repeat() -> None:
    seeds = {stream_seed(s, p, e) for s in (0, 1) for p in ("split", "order", "dropout", "weights") for e in ("", 1, 2)}
    assert len(seeds) == 24
    assert all(0 <= seed < 2**63 for seed in seeds)
    one, two = (torch.randperm(9, generator=torch_generator(0, "order", 1)) for _ in range(2))
    assert torch.equal(one, two)
    assert np.array_equal(numpy_generator(3, "split").random(4), numpy_generator(3, "split").random(4))


def test_mean_loss_over_examples_when_the_last_batch_is_smaller() -> None:
    """R0's trap: the mean of batch means is another number."""
    losses = cross_entropy(LOGITS, Y, reduction="none")
    mean_of_means = (losses[:3].mean() + losses[3:].mean()) / 2
    assert abs(mean_of_means - losses.mean()) > 0.05
    assert loss_and_accuracy(LOGITS, Y)[0] == pytest.approx(losses.mean().item())
