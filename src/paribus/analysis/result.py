"""What an analysis gives: frozen values that the report lays out and draws, and computes nothing from."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from paribus.analysis.calibration import Reliability
from paribus.analysis.crossed import CrossedMean
from paribus.analysis.curves import Curves
from paribus.analysis.decide import RuleScores
from paribus.analysis.diagnose import Diagnosis
from paribus.analysis.further import ClassScores
from paribus.analysis.intervals import Interval
from paribus.analysis.words import BASELINE, comparison_words, interaction_words, level_words
from paribus.lang import tr
from paribus.record import Part, TrialFailure
from paribus.spec import StudySpec

if TYPE_CHECKING:
    from paribus.analysis.seeds import SeedSpread

# Accuracies, F1 and optimism are shares from 0 to 1; losses are in nats; epochs count from 1.


@dataclass(frozen=True, slots=True, eq=False)
class SeedResult:
    """One finished trial in figures, on test where nothing else is said."""

    seed: int
    trial_id: str
    accuracy: float
    validation_accuracy: float
    """At the selected epoch; flattering, for the epoch was chosen by it."""
    balanced_accuracy: float
    macro_f1: float
    loss: float
    selected_epoch: int
    n_epochs: int
    """Epochs that ran."""
    stopped_early: bool
    best_on_test: float
    """Highest test accuracy of any epoch: what choosing the epoch on test would have claimed."""
    optimism: float
    """``best_on_test`` less the test accuracy at the selected epoch."""
    further: dict[str, float]
    """By the names of `further.FURTHER`."""
    right: npt.NDArray[np.bool_]
    """(n_test,) whether each test example is named rightly, in the order of the examples' ids."""
    test_set: str
    """Digest of those ids and their classes: equal for the same test examples."""


@dataclass(frozen=True, slots=True)
class EpochRange:
    """Epochs over the seeds of a cell."""

    median: float
    low: int
    high: int


@dataclass(frozen=True, slots=True, eq=False)
class CellScores:
    """What the finished seeds of a cell say, on test where nothing else is said."""

    seeds: tuple[SeedResult, ...]
    """By seed, in the study's order."""
    accuracy: Interval
    validation_accuracy: Interval
    balanced_accuracy: Interval
    macro_f1: Interval
    loss: Interval
    best_on_test: Interval
    optimism: Interval
    selected_epoch: EpochRange
    confusion: npt.NDArray[np.int64]
    """(n_classes, n_classes) counts of (true, predicted), summed over seeds."""
    class_names: tuple[str, ...]
    curves: Curves
    further: dict[str, Interval]
    """By the names of `further.FURTHER`."""
    by_class: tuple[ClassScores, ...]
    reliability: Reliability
    """Of all seeds' test predictions together."""
    tempered: Reliability
    """The same with each seed's logits divided by its temperature."""


@dataclass(frozen=True, slots=True)
class ReportedValue:
    """A figure that somebody else reported for a cell."""

    source: str
    part: Part
    """What it was measured on, ``test`` or ``validation``."""
    accuracy: float


@dataclass(frozen=True, slots=True, eq=False)
class CellResult:
    """A cell: the trials that differ only in their seed."""

    levels: dict[str, str]
    """Factor -> level; empty for the baseline of a one-at-a-time study."""
    name: str
    """The levels in words; without any ``baseline``."""
    trial_ids: tuple[str, ...]
    """Of all planned trials, by seed."""
    finished: tuple[int, ...]
    """Seeds."""
    failed: tuple[int, ...]
    missing: tuple[int, ...]
    scores: CellScores | None
    """None when no trial of the cell is finished."""
    diagnoses: tuple[Diagnosis, ...]
    """What the learning curves say, the gravest first."""
    reported: tuple[ReportedValue, ...]

    @property
    def label(self) -> str:
        """The name as people read it: the word for the baseline is of their language."""
        return self.name if self.levels else tr(BASELINE)


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """The cells that differ in one factor only."""

    label: str
    """The other factors' levels in words; empty when there is only one factor."""
    cells: dict[str, CellResult]
    """Level -> cell."""


Verdict = Literal["beats", "unsure", "unseen", "one seed", "no pairs"]
"""Of a comparison: a difference that is one; that corrected for the number of comparisons may be none; none that could
be seen; one seed, of which nothing follows for others; nothing to compare."""


def level_of_test(n_together: int) -> float:
    """What a p value must not exceed, whatever the other comparisons of so many give."""
    return 0.05 / max(n_together, 1)


def detectable(difference: CrossedMean, n_together: int) -> float:
    """The least true difference that is found four times in five, corrected for so many; NaN without two seeds."""
    return math.nan if difference.n_seeds == 1 else difference.detectable(1 - level_of_test(n_together))


@dataclass(frozen=True, slots=True)
class SeedPair:
    """Two trials of the same seed on the same test examples."""

    seed: int
    first_only: int
    """Examples that the first level alone has right."""
    second_only: int
    p: float
    """McNemar's test: whether these two trained networks differ."""


@dataclass(frozen=True, slots=True)
class ContextDifference:
    """Two levels within one context."""

    label: str
    """The other factors' levels in words."""
    difference: CrossedMean
    pairs: tuple[SeedPair, ...]
    """By seed; empty where the two were tested on different examples."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A level against another of the same factor, in pairs: same seed, same levels of the other factors."""

    factor: str
    level: str
    against: str
    difference: CrossedMean | None
    """Accuracy of ``level`` less that of ``against``, the mean over contexts; None without pairs."""
    corrected: float
    """P value, corrected for the other comparisons of the factor (Holm); NaN without pairs or with one seed."""
    verdict: Verdict
    n_together: int
    """Comparisons that it was corrected for, itself among them."""
    n_failed: int
    """Planned seeds in which a cell of either failed."""
    n_contexts: int
    """Contexts that the study plans."""
    n_counted: int
    """Of them those that the difference is the mean over: as many, and on as many seeds, as make the most pairs."""
    n_agree: int
    """Seeds whose difference has the sign of the mean."""
    n_planned: int
    """Seeds that the study plans."""
    by_context: tuple[ContextDifference, ...]
    """The same within each context that has pairs, on all seeds that it has."""

    @property
    def sentence(self) -> str:
        """In words, without the full stop."""
        names = [
            tr(BASELINE) if name == BASELINE else level_words(self.factor, name) for name in (self.level, self.against)
        ]
        return comparison_words(names[0], names[1], self)

    @property
    def detectable(self) -> float:
        """The least true difference that is found four times in five, corrected; NaN without two seeds."""
        return math.nan if self.difference is None else detectable(self.difference, self.n_together)


@dataclass(frozen=True, slots=True)
class Interaction:
    """Whether what one factor does depends on the level of another."""

    levels: tuple[tuple[str, str, str], tuple[str, str, str]]
    """(factor, level, the level that it is measured against), of each of the two."""
    difference: CrossedMean
    """What the first factor's level does with the second's level, less what it does with the one measured against."""
    corrected: float
    """P value, corrected for the other interactions of these two factors (Holm)."""
    n_together: int
    """Interactions that it was corrected for, itself among them."""
    effects: tuple[CrossedMean, CrossedMean]
    """What the first factor's level does with the second's level, and with the one measured against."""

    @property
    def sentence(self) -> str:
        """In words, without the full stop."""
        return interaction_words(self)

    @property
    def detectable(self) -> float:
        """The least true difference of differences that is found four times in five, corrected."""
        return detectable(self.difference, self.n_together)


@dataclass(frozen=True, slots=True, eq=False)
class TwoWay:
    """Two factors of a grid against each other: mean test accuracy over all other factors."""

    factors: tuple[str, str]
    levels: tuple[tuple[str, ...], tuple[str, ...]]
    means: dict[tuple[str | None, str | None], Interval]
    """By the levels of both; None stands for the mean over all levels of one. Over those levels of the other factors
    that have every cell, on the seeds that all of them have; empty where there are none."""
    interactions: tuple[Interaction, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The cell with the highest mean test accuracy, and how the others stand to it in pairs by seed."""

    cell: CellResult
    rivals: tuple[CellResult, ...]
    """Cannot be told apart from it: the paired difference can be chance, for so many pairs of cells."""
    worse: tuple[CellResult, ...]
    undecided: tuple[CellResult, ...]
    """Fewer than two seeds in common."""
    n_unfinished: int
    """Cells without a finished trial, which it could not be held against."""
    n_shared: int | None
    """Seeds that all cells have finished, on which the best was chosen; None where all have the same seeds."""


@dataclass(frozen=True, slots=True)
class NamedFailure:
    """A failed trial and its place in the study."""

    cell: CellResult
    seed: int
    failure: TrialFailure

    @property
    def label(self) -> str:
        """Of its cell."""
        return self.cell.label


@dataclass(frozen=True, slots=True, eq=False)
class StudyResult:
    """The answer to a study, as far as its trials are finished."""

    study: StudySpec
    factors: dict[str, tuple[str, ...]]
    """Factor -> levels, in the study's order."""
    crossed: bool
    """Every cell has a level of every factor (a grid); else each cell changes one thing on the baseline."""
    cells: tuple[CellResult, ...]
    contexts: dict[str, tuple[Context, ...]]
    """Factor -> the sets of cells that differ in it alone."""
    comparisons: tuple[Comparison, ...]
    two_ways: tuple[TwoWay, ...]
    """Of a grid with two factors or more: every two of them."""
    spreads: "tuple[SeedSpread, ...]"
    """Of cells with at least two finished seeds."""
    best: Best | None
    """None when nothing is finished."""
    rules: tuple[RuleScores, ...]
    """Of the best cell: argmax and other decision rules."""
    optimism: Interval | None
    """Over seeds, each seed the mean over its cells."""
    failures: tuple[NamedFailure, ...]

    @property
    def n_planned(self) -> int:
        """Trials in the study."""
        return sum(len(cell.trial_ids) for cell in self.cells)

    @property
    def n_finished(self) -> int:
        """Trials with a record."""
        return sum(len(cell.finished) for cell in self.cells)

    @property
    def n_failed(self) -> int:
        """Trials that failed and have no record."""
        return sum(len(cell.failed) for cell in self.cells)

    @property
    def n_missing(self) -> int:
        """Trials not run yet."""
        return sum(len(cell.missing) for cell in self.cells)
