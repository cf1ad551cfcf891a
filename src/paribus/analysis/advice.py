"""What signs in learning curves mean, in words, and what to try."""

from collections.abc import Callable, Sequence
from typing import Literal

from paribus.analysis.words import number, percent, points
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


TEXT: dict[Sign, Callable[[Sequence[float]], str]] = {
    "diverged": lambda n: (
        f"training loss falls to {number(n[0], 3)} in epoch {n[1]:.0f} and is back at {number(n[2], 3)} at the end"
    ),
    "never left chance": lambda n: (
        f"validation accuracy never rises above {percent(n[0])}, and always naming the most frequent class gives "
        f"{percent(n[1])}"
    ),
    "still improving": lambda n: (
        f"over the last {n[0]:.0f} epochs validation loss was {number(n[1], 3)} lower than over the {n[0]:.0f} before, "
        f"accuracy {points(n[2], signed=True)} points"
    ),
    "overfitting": lambda n: (
        f"since epoch {n[0]:.0f} validation loss rises, {number(n[1], 3)} to {number(n[2], 3)}, while training loss "
        f"falls, {number(n[3], 3)} to {number(n[4], 3)}; validation accuracy {points(n[5], signed=True)} points"
    ),
    "overconfident": lambda n: (
        f"since epoch {n[0]:.0f} validation loss rises, {number(n[1], 3)} to {number(n[2], 3)}, although validation "
        f"accuracy rises too, by {points(n[3])} points: the network becomes surer, also where it is wrong"
    ),
    "oscillates": lambda n: (
        f"validation accuracy moves by {points(n[0])} points from epoch to epoch; other validation examples would "
        f"move it by {points(n[1])}"
    ),
    "plateau": lambda n: (
        f"nothing has moved since epoch {n[0]:.0f}: training loss {number(n[1], 3)}, validation accuracy "
        f"{percent(n[2])}"
    ),
    "validation above training": lambda n: (
        f"validation accuracy lies {points(n[0])} points above that of training in the second half"
    ),
    "early stopping": lambda n: (
        f"with patience {PATIENCE.patience} training would have ended in epoch {n[0]:.0f} of {n[1]:.0f}, and test "
        f"accuracy at the selected epoch would differ by {points(n[2], signed=True)} points"
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
    earlier = "end earlier, or hold it back" if spec.data.folds is None else "hold it back"
    return f"{earlier} by dropout, augmentation or weight decay", tuple(fields)


def _why_above(spec: TrialSpec) -> Advice:
    dropout = getattr(spec.model, "dropout", None)
    reasons = []
    if isinstance(dropout, int | float) and dropout > 0:
        reasons.append((f"dropout ({dropout:g}), which training accuracy is measured with", "model.dropout"))
    if spec.train.augmentation:
        reasons.append(("augmentation, which makes training harder", "train.augmentation"))
    if reasons:
        said = " and ".join(reason for reason, _ in reasons)
        return (
            f"expected with {said}; if it is more than that can explain, look for copies with `paribus data audit`",
            tuple(field for _, field in reasons),
        )
    return (
        "neither dropout nor augmentation explains it: look for examples of validation that stand in training too "
        "with `paribus data audit`",
        ("data.drop",),
    )


def _longer(spec: TrialSpec) -> Advice:
    ended = ", and the learning rate had come to its end" if spec.train.schedule.name in ("cosine", "one_cycle") else ""
    return f"train longer{ended}", ("train.epochs",)


ADVICE: dict[Sign, Callable[[TrialSpec], Advice]] = {
    "diverged": lambda spec: (
        f"lower the learning rate ({spec.train.optimizer.lr:g})",
        ("train.optimizer.lr",),
    ),
    "never left chance": lambda spec: (
        f"try another learning rate ({spec.train.optimizer.lr:g}), look at the normalisation and at the labels",
        ("train.optimizer.lr", "data.normalise"),
    ),
    "still improving": _longer,
    "overfitting": _against_overfitting,
    "overconfident": lambda spec: (
        "smooth the labels, flood the loss, or divide the logits by a temperature; accuracy itself is not hurt",
        ("train.loss.label_smoothing", "train.loss.flooding"),
    ),
    "oscillates": lambda spec: (
        f"lower the learning rate ({spec.train.optimizer.lr:g}) or let it fall, or take larger batches "
        f"({spec.train.batch_size})",
        ("train.optimizer.lr", "train.schedule", "train.batch_size"),
    ),
    "plateau": lambda spec: ("fewer epochs give the same; to get further, change something else", ("train.epochs",)),
    "validation above training": _why_above,
    "early stopping": lambda spec: ("", ("train.early_stop",)),
}
