"""From the records of a study to its answer."""

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import combinations

import numpy as np

from paribus.analysis.calibration import Reliability, reliability
from paribus.analysis.compare import compare, contexts_of, find_best
from paribus.analysis.confusion import confusion_matrix
from paribus.analysis.crossed import balanced_mean, crossed_mean
from paribus.analysis.curves import mean_curves
from paribus.analysis.decide import RuleScores, compare_rules, rules_of
from paribus.analysis.diagnose import diagnose
from paribus.analysis.effects import two_ways
from paribus.analysis.further import FURTHER, by_class, further
from paribus.analysis.intervals import Interval, mean_interval
from paribus.analysis.metrics import accuracy, balanced_accuracy, cross_entropy, macro_f1
from paribus.analysis.result import (
    CellResult,
    CellScores,
    Comparison,
    Context,
    EpochRange,
    NamedFailure,
    ReportedValue,
    SeedResult,
    StudyResult,
)
from paribus.analysis.seeds import seed_spreads
from paribus.analysis.words import BASELINE, cell_words
from paribus.grid import baseline_level, level_of, levels_of
from paribus.record import Part, PlannedTrial, Predictions, TrialFailure, TrialRecord
from paribus.spec import Baseline, StudySpec, TrialSpec


def analyse(
    study: StudySpec,
    planned: Sequence[PlannedTrial],
    records: Sequence[TrialRecord],
    failures: Sequence[TrialFailure],
    *,
    every_pair: bool = False,
) -> StudyResult:
    """The answer to a study, as far as its trials are finished.

    Args:
        study: the question.
        planned: all its trials.
        records: of finished trials; those of other studies are left aside.
        failures: of failed trials; those that have a record by now are left aside, the latest of a trial counts.
        every_pair: compare every two levels of a factor, not only each with the baseline's.

    Returns:
        Each cell's figures over its seeds, paired comparisons and the best cell. Failed and missing trials are
        counted and never part of a mean.
    """
    record_of = {record.trial_id: record for record in records}
    failure_of = {failure.trial_id: failure for failure in failures if failure.trial_id not in record_of}
    cells = _cells(study, planned, record_of, failure_of)
    factors: dict[str, tuple[str, ...]] = {}
    for cell in cells:
        for factor, level in cell.levels.items():
            factors[factor] = tuple(dict.fromkeys((*factors.get(factor, ()), level)))
    crossed = all(cell.levels.keys() == factors.keys() for cell in cells)
    best = find_best(cells)
    bases = {factor: baseline_level(study, factor) for factor in factors}
    contexts = {factor: contexts_of(cells, factor, bases[factor], crossed=crossed) for factor in factors}
    if not crossed:
        factors = {factor: tuple(contexts[factor][0].cells) for factor in factors}
    cell_of = {trial_id: cell for cell in cells for trial_id in cell.trial_ids}
    against = {factor: base if (base := bases[factor]) in levels else levels[0] for factor, levels in factors.items()}
    return StudyResult(
        study=study,
        factors=factors,
        crossed=crossed,
        cells=cells,
        contexts=contexts,
        comparisons=_comparisons(study, against, contexts, every_pair=every_pair),
        two_ways=two_ways(cells, factors, against) if crossed else (),
        spreads=seed_spreads(cells, {trial.trial_id: trial.spec for trial in planned}),
        best=best,
        rules=_rules([record_of[i] for i in best.cell.trial_ids if i in record_of]) if best else (),
        optimism=_optimism(cells),
        failures=tuple(
            NamedFailure(cell_of[trial.trial_id], trial.spec.seed, failure_of[trial.trial_id])
            for trial in planned
            if trial.trial_id in failure_of
        ),
    )


def _rules(records: Sequence[TrialRecord]) -> tuple[RuleScores, ...]:
    """None where the seeds of the cell are tested on different examples."""
    tests = [record.predictions["test"].ids for record in records]
    if any(not np.array_equal(ids, tests[0]) for ids in tests):
        return ()
    return compare_rules(records, [rules_of(record) for record in records])


def labelled(study: StudySpec, planned: Sequence[PlannedTrial]) -> dict[str, tuple[str, ...]]:
    """Each cell's label -> the ids of its trials, in the study's order."""
    found: dict[str, tuple[str, ...]] = {}
    for trial in planned:
        label = _label(study, _levels(trial))
        found[label] = (*found.get(label, ()), trial.trial_id)
    return found


def _levels(trial: PlannedTrial) -> dict[str, str]:
    """A one-at-a-time study's baseline cell is empty, or says ``baseline`` without a level."""
    return {factor: level for factor, level in trial.cell if (factor, level) != (BASELINE, "")}


def _label(study: StudySpec, levels: Mapping[str, str]) -> str:
    """A cell's levels in words, with their factors where two factors have levels of the same name."""
    names = Counter(name for factor, given in study.factors.items() for name in levels_of(factor, given))
    if any(names[level] > 1 for level in levels.values()):
        return " · ".join(f"{factor} {level}" for factor, level in levels.items())
    return cell_words(levels)


def _cells(
    study: StudySpec,
    planned: Sequence[PlannedTrial],
    record_of: Mapping[str, TrialRecord],
    failure_of: Mapping[str, TrialFailure],
) -> tuple[CellResult, ...]:
    trials_of: dict[tuple[tuple[str, str], ...], list[PlannedTrial]] = {}
    for trial in planned:
        trials_of.setdefault(trial.cell, []).append(trial)
    return tuple(_cell(study, trials, record_of, failure_of) for trials in trials_of.values())


def _cell(
    study: StudySpec,
    trials: Sequence[PlannedTrial],
    record_of: Mapping[str, TrialRecord],
    failure_of: Mapping[str, TrialFailure],
) -> CellResult:
    levels = _levels(trials[0])
    records = [record_of[trial.trial_id] for trial in trials if trial.trial_id in record_of]
    seeds = {trial.trial_id: trial.spec.seed for trial in trials}
    return CellResult(
        levels=levels,
        name=_label(study, levels),
        trial_ids=tuple(seeds),
        finished=tuple(seed for trial_id, seed in seeds.items() if trial_id in record_of),
        failed=tuple(seed for trial_id, seed in seeds.items() if trial_id in failure_of),
        missing=tuple(s for trial_id, s in seeds.items() if trial_id not in record_of and trial_id not in failure_of),
        scores=_scores(records) if records else None,
        diagnoses=diagnose(records, [failure_of[i] for i in seeds if i in failure_of]),
        reported=_reported(study, trials[0], levels),
    )


def _scores(records: Sequence[TrialRecord]) -> CellScores:
    matrices = [_confusion(record) for record in records]
    seeds = tuple(_seed(record, matrix) for record, matrix in zip(records, matrices, strict=True))
    epochs = [seed.selected_epoch for seed in seeds]
    tests = [record.predictions["test"] for record in records]
    right = np.stack([seed.right for seed in seeds]).astype(np.float64)
    y = tests[0].y[np.argsort(tests[0].ids, kind="stable")]

    def over_seeds(name: str) -> Interval:
        return mean_interval([getattr(seed, name) for seed in seeds])

    return CellScores(
        seeds=seeds,
        accuracy=crossed_mean([right]).share_interval(),
        validation_accuracy=over_seeds("validation_accuracy"),
        balanced_accuracy=balanced_mean(right, y).share_interval(),
        macro_f1=over_seeds("macro_f1"),
        loss=over_seeds("loss"),
        best_on_test=over_seeds("best_on_test"),
        optimism=over_seeds("optimism"),
        selected_epoch=EpochRange(float(np.median(epochs)), min(epochs), max(epochs)),
        confusion=np.sum(matrices, axis=0, dtype=np.int64),
        class_names=records[0].data.class_names,
        curves=mean_curves([record.history for record in records]),
        further={name: mean_interval([seed.further[name] for seed in seeds]) for name in FURTHER},
        by_class=by_class(matrices, right, y, records[0].data.class_names),
        reliability=_reliability(tests, [1.0] * len(tests)),
        tempered=_reliability(tests, [seed.further["temperature"] for seed in seeds]),
    )


def _reliability(tests: Sequence[Predictions], temperatures: Sequence[float]) -> Reliability:
    y = np.concatenate([test.y for test in tests])
    return reliability(y, np.concatenate([test.logits / t for test, t in zip(tests, temperatures, strict=True)]))


def _confusion(record: TrialRecord) -> np.typing.NDArray[np.int64]:
    test = record.predictions["test"]
    return confusion_matrix(test.y, test.logits.argmax(axis=1), test.logits.shape[1])


def _seed(record: TrialRecord, confusion: np.typing.NDArray[np.int64]) -> SeedResult:
    test = record.predictions["test"]
    named = test.logits.argmax(axis=1)
    reached = accuracy(test.y, named)
    order = np.argsort(test.ids, kind="stable")
    # Both terms from the history: the same measurement, so that optimism is never below 0.
    best = max(row.test_accuracy for row in record.history)
    selected = next(row for row in record.history if row.epoch == record.selected_epoch)
    return SeedResult(
        seed=record.spec.seed,
        trial_id=record.trial_id,
        accuracy=reached,
        validation_accuracy=selected.validation_accuracy,
        balanced_accuracy=balanced_accuracy(confusion),
        macro_f1=macro_f1(confusion),
        loss=cross_entropy(test.y, test.logits),
        selected_epoch=record.selected_epoch,
        n_epochs=len(record.history),
        stopped_early=record.stopped_early,
        best_on_test=best,
        optimism=best - selected.test_accuracy,
        further=further(record, confusion),
        right=(named == test.y)[order],
        test_set=sha256(
            "\n".join(test.ids[order].tolist()).encode() + test.y[order].astype("<i8").tobytes()
        ).hexdigest(),
    )


def _reported(study: StudySpec, trial: PlannedTrial, levels: Mapping[str, str]) -> tuple[ReportedValue, ...]:
    """Figures from reports on the same data: the most particular one of each that fits the cell."""
    data, model = trial.spec.data.model_dump(), trial.spec.model.model_dump()
    found: list[ReportedValue] = []
    levels = reported_levels(study, trial.spec, levels)
    for report in study.reported:
        if not (_holds({"limit": None, **report.data}, data) and _holds(report.model, model)):
            continue
        fitting = [figure for figure in report.figures if figure.cell.items() <= levels.items()]
        if fitting:
            figure = max(fitting, key=lambda figure: len(figure.cell))
            given: dict[Part, float | None] = {
                "test": figure.test_accuracy,
                "validation": figure.validation_accuracy,
            }
            found += [ReportedValue(report.source, part, x / 100) for part, x in given.items() if x is not None]
    return tuple(found)


def reported_levels(study: StudySpec, spec: TrialSpec, levels: Mapping[str, str]) -> dict[str, str]:
    """The levels of a cell, and those that it has of factors that it does not change but that reported figures name.

    A table of every combination stands so beside a study that changes one factor at a time.
    """
    named = {name for report in study.reported for figure in report.figures for name in figure.cell}
    named &= study.factors.keys() - levels.keys()
    if not named:
        return dict(levels)
    recipe = Baseline(**{field: getattr(spec, field) for field in Baseline.model_fields})
    others = {name: level_of(recipe, name, study.factors[name]) for name in sorted(named)}
    return {**levels, **{name: level for name, level in others.items() if level is not None}}


def _holds(wanted: Mapping[str, object], fields: Mapping[str, object]) -> bool:
    return all(field in fields and fields[field] == value for field, value in wanted.items())


def _comparisons(
    study: StudySpec, against: Mapping[str, str], contexts: Mapping[str, tuple[Context, ...]], *, every_pair: bool
) -> tuple[Comparison, ...]:
    found: list[Comparison] = []
    for factor, base in against.items():
        levels = [base, *dict.fromkeys(name for one in contexts[factor] for name in one.cells if name != base)]
        pairs = [(later, earlier) for earlier, later in combinations(levels, 2) if every_pair or earlier == base]
        found += compare(factor, contexts[factor], pairs, len(study.seeds))
    return tuple(found)


def _optimism(cells: Sequence[CellResult]) -> Interval | None:
    by_seed: dict[int, list[float]] = {}
    for cell in cells:
        for seed in cell.scores.seeds if cell.scores else ():
            by_seed.setdefault(seed.seed, []).append(seed.optimism)
    return mean_interval([sum(values) / len(values) for values in by_seed.values()]) if by_seed else None
