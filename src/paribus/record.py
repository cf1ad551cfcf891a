"""What a trial gave: frozen values that travel from the worker to the store and on to the analysis."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from paribus.spec import TrialSpec

Part = Literal["train", "validation", "test"]


@dataclass(frozen=True, slots=True)
class EpochRow:
    """One epoch. Losses are means over examples; accuracies are shares from 0 to 1.

    Training loss and accuracy are gathered while the weights move (dropout on); those of
    validation and test are measured after the epoch.
    """

    epoch: int
    """From 1."""
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    test_loss: float
    test_accuracy: float
    lr: float
    """Learning rate at the epoch's first step."""
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What the selected weights say of one part.

    Attributes:
        ids: (n,) str, the examples' stable ids.
        y: (n,) int64, the true classes.
        logits: (n, n_classes) float32.
    """

    ids: npt.NDArray[np.str_]
    y: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        n = len(self.ids)
        if self.ids.shape != (n,) or self.y.shape != (n,) or self.logits.ndim != 2 or len(self.logits) != n:
            raise ValueError(f"ids {self.ids.shape}, y {self.y.shape} and logits {self.logits.shape} do not fit")


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """How a class is named; `analysis.decide.decide` applies it.

    Attributes:
        name: of the rule, in words.
        offsets: (n_classes,), added to log probabilities; those of the argmax are 0.
        floors: (n_classes,), only classes whose probability is above theirs are in the running, where there are such.
        costs: (n_classes, n_classes), of naming the column's class for the row's; the least expected cost is named.
        chosen: in words, what was chosen on validation; empty where nothing was.
    """

    name: str
    offsets: npt.NDArray[np.float64]
    floors: npt.NDArray[np.float64] | None = None
    costs: npt.NDArray[np.float64] | None = None
    chosen: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; floats come back bit for bit."""
        return {
            "name": self.name,
            "offsets": self.offsets.tolist(),
            "floors": None if self.floors is None else self.floors.tolist(),
            "costs": None if self.costs is None else self.costs.tolist(),
            "chosen": self.chosen,
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], n_classes: int) -> "Rule":
        """The inverse of `to_json`.

        Raises:
            KeyError, TypeError, ValueError, OverflowError: this is not what `to_json` gave for so many classes.
        """

        def array(name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float64] | None:
            found = None if plain[name] is None else np.array(plain[name], np.float64)
            if found is not None and found.shape != shape:
                raise ValueError(f"{name} of its decision rule must be of shape {shape}, got {found.shape}")
            return found

        offsets = array("offsets", (n_classes,))
        if offsets is None:
            raise ValueError("its decision rule has no offsets")
        floors, costs = array("floors", (n_classes,)), array("costs", (n_classes, n_classes))
        return cls(str(plain["name"]), offsets, floors, costs, str(plain["chosen"]))


@dataclass(frozen=True, slots=True)
class Environment:
    """Where and how a trial ran. Everything that could explain another result elsewhere."""

    versions: dict[str, str]
    """Of python, paribus, torch, numpy."""
    platform: str
    cpu: str
    device: str
    """``cpu``, ``mps`` or the name of the GPU."""
    threads: int
    git_commit: str | None
    """Of the folder that the command ran in; ``+dirty`` when it had uncommitted changes."""
    command: str
    started: str
    """ISO 8601, UTC."""
    kernels: str = ""
    """What computed the training steps, in words; it changes results by rounding only."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that an audit found in data."""

    name: str
    """As ``cross_split_duplicates``; the names of ``data.drop`` where it can remove them."""
    n: int
    """Examples (or files) concerned."""
    text: str
    """A sentence with the numbers."""
    examples: tuple[str, ...]
    """Names of the first few; copies as ``this = that``."""


@dataclass(frozen=True, slots=True)
class DataAudit:
    """What data hold, as they were loaded, before any split or drop of a trial's own."""

    counts: dict[str, tuple[int, ...]]
    """official part -> examples of each class."""
    formats: dict[str, int]
    """Size and mode of the files, as ``48 x 48 grey`` -> files; empty where there are no image files."""
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class DataSummary:
    """The data of a trial in numbers, after the split."""

    description: str
    kind: str
    input_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    counts: dict[str, tuple[int, ...]]
    """part -> examples of each class."""
    sfreq_hz: float | None
    notes: tuple[str, ...]
    """What was found and done, in words (as: 3 trials with NaN dropped)."""
    dropped: dict[str, int] = field(default_factory=dict)
    """What was left out of training, by reason (``data.drop``, ``limit``) -> examples."""
    audit: DataAudit | None = None


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer of a network."""

    name: str
    type: str
    output_shape: tuple[int, ...]
    """Without the batch."""
    n_parameters: int
    n_trainable: int = 0
    """Of the parameters."""
    multiply_adds: int = 0
    """For one example."""
    flops: int = 0
    """By R3's counting: multiply-adds of convolutions and linear layers, 4 an element of an affine batch norm,
    window + 1 for each output of an adaptive average pooling, 0 for all else."""
    formula: str = ""
    """How the parameters are counted, as ``16 × 1 × 1 × 51``."""
    inputs: tuple[int, ...] | None = None
    """Rows whose outputs go into this layer, -1 for the network's input; None where that could not be found out."""


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """What a finished trial gave."""

    trial_id: str
    spec: TrialSpec
    fingerprint: str
    environment: Environment
    data: DataSummary
    layers: tuple[LayerRow, ...]
    history: tuple[EpochRow, ...]
    selected_epoch: int
    """From 1: the epoch whose weights were kept, by ``spec.selection``."""
    stopped_early: bool
    predictions: dict[str, Predictions]
    """``validation`` and ``test``, of the selected epoch."""
    checkpoint: str
    """Path of the weights, relative to the run folder."""
    seconds: float


@dataclass(frozen=True, slots=True)
class TrialFailure:
    """A trial that could not be finished."""

    trial_id: str
    spec: TrialSpec
    fingerprint: str
    environment: Environment | None
    """None when the worker died before it could tell."""
    kind: str
    """Name of the exception."""
    message: str
    traceback: str
    seconds: float


@dataclass(frozen=True, slots=True)
class TrialPruned:
    """The beginning of a trial that a search ended, since others were ahead. No result of that configuration."""

    trial_id: str
    spec: TrialSpec
    fingerprint: str
    environment: Environment
    history: tuple[EpochRow, ...]
    """As far as it came."""
    seconds: float


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """A trial and its place in a study."""

    cell: tuple[tuple[str, str], ...]
    """(factor, level) pairs in the study's order; equal for all trials of a cell."""
    spec: TrialSpec
    trial_id: str
    bar: tuple[float, ...] = ()
    """Of a search's candidate: the validation accuracy that its best epoch so far must reach after each epoch, or it
    ends (`search.bar`). Settled when it is chosen, and kept with it."""
