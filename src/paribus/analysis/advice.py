"""What signs in learning curves mean, in words, and what to try."""

from collections.abc import Callable, Sequence
from typing import Literal

from paribus.analysis.words import join, number, percent, points
from paribus.lang import msg, tr
from paribus.spec import EarlyStopSpec, TrialSpec

Sign = Literal[
    "diverged",
    "never left chance",
    "still improving",
    "overfitting",
    "overconfident",
    "oscillates",
    "plateau",
    "validation above training",
    "early stopping",
]

PATIENCE = EarlyStopSpec()
"""What early stopping is tried with."""


def _overfitting(n: Sequence[float]) -> str:
    return tr(
        "since epoch {epoch} validation loss rises, {low} to {high}, while training loss falls, {train_high} to "
        "{train_low}; validation accuracy {change} points",
        epoch=f"{n[0]:.0f}",
        low=number(n[1], 3),
        high=number(n[2], 3),
        train_high=number(n[3], 3),
        train_low=number(n[4], 3),
        change=points(n[5], signed=True),
    )


TEXT: dict[Sign, Callable[[Sequence[float]], str]] = {
    msg("diverged"): lambda n: tr(
        "training loss falls to {low} in epoch {epoch} and is back at {last} at the end",
        low=number(n[0], 3),
        epoch=f"{n[1]:.0f}",
        last=number(n[2], 3),
    ),
    msg("never left chance"): lambda n: tr(
        "validation accuracy never rises above {reached}, and always naming the most frequent class gives {chance}",
        reached=percent(n[0]),
        chance=percent(n[1]),
    ),
    msg("still improving"): lambda n: tr(
        "over the last {n} epochs validation loss was {fall} lower than over the {n} before, accuracy {gain} points",
        n=f"{n[0]:.0f}",
        fall=number(n[1], 3),
        gain=points(n[2], signed=True),
    ),
    msg("overfitting"): _overfitting,
    msg("overconfident"): lambda n: tr(
        "since epoch {epoch} validation loss rises, {low} to {high}, although validation accuracy rises too, by {gain} "
        "points: the network becomes surer, also where it is wrong",
        epoch=f"{n[0]:.0f}",
        low=number(n[1], 3),
        high=number(n[2], 3),
        gain=points(n[3]),
    ),
    msg("oscillates"): lambda n: tr(
        "validation accuracy moves by {moves} points from epoch to epoch; other validation examples would move it by "
        "{sampling}",
        moves=points(n[0]),
        sampling=points(n[1]),
    ),
    msg("plateau"): lambda n: tr(
        "nothing has moved since epoch {epoch}: training loss {loss}, validation accuracy {accuracy}",
        epoch=f"{n[0]:.0f}",
        loss=number(n[1], 3),
        accuracy=percent(n[2]),
    ),
    msg("validation above training"): lambda n: tr(
        "validation accuracy lies {gap} points above that of training in the second half", gap=points(n[0])
    ),
    msg("early stopping"): lambda n: tr(
        "with patience {patience} training would have ended in epoch {end} of {last}, and test accuracy at the "
        "selected epoch would differ by {points} points",
        patience=PATIENCE.patience,
        end=f"{n[0]:.0f}",
        last=f"{n[1]:.0f}",
        points=points(n[2], signed=True),
    ),
}

Advice = tuple[str, tuple[str, ...]]


def _against_overfitting(spec: TrialSpec) -> Advice:
    fields = ["train.augmentation", "train.optimizer.weight_decay"]
    if spec.data.folds is None:  # with folds all train to the end
        fields.insert(0, "train.early_stop")
    dropout = getattr(spec.model, "dropout", None)
    if isinstance(dropout, int | float):
        fields.insert(-2, "model.dropout")
    said = (
        tr("end earlier, or hold it back by dropout, augmentation or weight decay")
        if spec.data.folds is None
        else tr("hold it back by dropout, augmentation or weight decay")
    )
    return said, tuple(fields)


def _why_above(spec: TrialSpec) -> Advice:
    dropout = getattr(spec.model, "dropout", None)
    reasons = []
    if isinstance(dropout, int | float) and dropout > 0:
        said = tr("dropout ({rate}), which training accuracy is measured with", rate=f"{dropout:g}")
        reasons.append((said, "model.dropout"))
    if spec.train.augmentation:
        reasons.append((tr("augmentation, which makes training harder"), "train.augmentation"))
    if reasons:
        return (
            tr(
                "expected with {reasons}; if it is more than that can explain, look for copies with `paribus data "
                "audit`",
                reasons=join([reason for reason, _ in reasons]),
            ),
            tuple(field for _, field in reasons),
        )
    return (
        tr(
            "neither dropout nor augmentation explains it: look for examples of validation that stand in training too "
            "with `paribus data audit`"
        ),
        ("data.drop",),
    )


def _longer(spec: TrialSpec) -> Advice:
    if spec.train.schedule.name in ("cosine", "one_cycle"):
        return tr("train longer, and the learning rate had come to its end"), ("train.epochs",)
    return tr("train longer"), ("train.epochs",)


ADVICE: dict[Sign, Callable[[TrialSpec], Advice]] = {
    "diverged": lambda spec: (
        tr("lower the learning rate ({lr})", lr=f"{spec.train.optimizer.lr:g}"),
        ("train.optimizer.lr",),
    ),
    "never left chance": lambda spec: (
        tr(
            "try another learning rate ({lr}), look at the normalisation and at the labels",
            lr=f"{spec.train.optimizer.lr:g}",
        ),
        ("train.optimizer.lr", "data.normalise"),
    ),
    "still improving": _longer,
    "overfitting": _against_overfitting,
    "overconfident": lambda spec: (
        tr("smooth the labels, flood the loss, or divide the logits by a temperature; accuracy itself is not hurt"),
        ("train.loss.label_smoothing", "train.loss.flooding"),
    ),
    "oscillates": lambda spec: (
        tr(
            "lower the learning rate ({lr}) or let it fall, or take larger batches ({batch_size})",
            lr=f"{spec.train.optimizer.lr:g}",
            batch_size=spec.train.batch_size,
        ),
        ("train.optimizer.lr", "train.schedule", "train.batch_size"),
    ),
    "plateau": lambda spec: (
        tr("fewer epochs give the same; to get further, change something else"),
        ("train.epochs",),
    ),
    "validation above training": _why_above,
    "early stopping": lambda spec: ("", ("train.early_stop",)),
}
