"""The answer to a study's question in words: what was seen, and how sure that is."""

from collections.abc import Sequence

from paribus.analysis.result import Best, StudyResult
from paribus.analysis.words import STREAM_WORDS, capital, count, join, percent, sentences, spread, stop
from paribus.lang import msg, tr
from paribus.lang.retell import retold
from paribus.record import DataSummary
from paribus.spec import STREAMS, TrialSpec

AT_MOST_NAMED = 4


def answer_words(result: StudyResult, data: DataSummary | None) -> tuple[str, ...]:
    """Sentences, the weightiest first.

    Args:
        result: of the study.
        data: of one finished trial, to name them and the share of the most frequent class.
    """
    if result.best is None:
        return (tr("No trial is finished yet, so there is no answer: {progress}.", progress=_progress(result)),)
    notes = [tr("About the data: {note}.", note=retold(note)) for note in data.notes] if data else []
    said = (_best_words(result.best), _rival_words(result.best), _chance_words(data), *notes)
    return tuple(sentence for sentence in said if sentence)


def _best_words(best: Best) -> str:
    assert best.cell.scores is not None
    interval = best.cell.scores.accuracy
    bounds = spread(interval, share=True)
    sure = (
        tr(
            "95% interval over {seeds} and the test examples: {interval}",
            seeds=count(interval.n, "seed"),
            interval=bounds,
        )
        if interval.n > 1
        else tr("one seed; {interval} by the test examples alone", interval=bounds)
    )
    values = {"cell": capital(best.cell.label), "accuracy": percent(interval.mean), "sure": sure}
    if best.n_shared:
        return tr(
            "{cell} leads on the {seeds} that every cell (but {n} without any) has finished; its mean test accuracy "
            "over all its seeds is {accuracy} ({sure})."
            if best.n_unfinished
            else "{cell} leads on the {seeds} that every cell has finished; its mean test accuracy over all its seeds "
            "is {accuracy} ({sure}).",
            **values,
            seeds=count(best.n_shared, "seed"),
            n=best.n_unfinished,
        )
    leads = tr("{cell} has the highest mean test accuracy: {accuracy} ({sure}).", **values)
    if best.n_shared == 0:
        uneven = tr("The cells have finished no seed in common, so this may be the luck of its seeds.")
        return sentences([leads, uneven])
    return leads


def _rival_words(best: Best) -> str:
    others = len(best.rivals) + len(best.worse) + len(best.undecided)
    if not others:
        return ""
    if not best.rivals and not best.worse:
        return tr("With fewer than two seeds in common there is no telling whether it truly leads: run more seeds.")
    said = _rivals(best, others) if best.rivals else _ahead(len(best.worse), others)
    waiting = len(best.undecided) + best.n_unfinished
    if waiting:
        said = tr("{said}; {cells} cannot be judged yet", said=said, cells=count(waiting, "cell"))
    return stop(said)


def _rivals(best: Best, others: int) -> str:
    nearest = sorted(best.rivals, key=lambda cell: -cell.scores.accuracy.mean if cell.scores else 0.0)
    named = join([cell.label for cell in nearest[:AT_MOST_NAMED]])
    if others == 1:
        return tr("The other cell, {cell}, cannot be told apart from it", cell=named)
    if len(best.rivals) == others:
        return tr("None of the other {n} cells can be told apart from it", n=others)
    more = len(best.rivals) - AT_MOST_NAMED
    return tr(
        "{n} of the other {others} cells cannot be told apart from it: {cells} (and {more} more)"
        if more > 0
        else "{n} of the other {others} cells cannot be told apart from it: {cells}",
        n=len(best.rivals),
        others=others,
        cells=named,
        more=more,
    )


def _ahead(decided: int, others: int) -> str:
    if others == 1:
        return tr("It is ahead of the other cell by more than chance")
    if decided == others:
        return tr("It is ahead of all other {n} cells by more than chance", n=decided)
    return tr("It is ahead of {n} of the other {others} cells by more than chance", n=decided, others=others)


def _chance_words(data: DataSummary | None) -> str:
    counts = data.counts.get("test", ()) if data else ()
    if not sum(counts):
        return ""
    share = percent(max(counts) / sum(counts))
    return tr("Always guessing the most frequent class would give {share}.", share=share)


def method_words(result: StudyResult, data: DataSummary | None, specs: Sequence[TrialSpec] = ()) -> tuple[str, ...]:
    """How the figures came about, and what they do not tell.

    Args:
        result: of the study.
        data: of one finished trial.
        specs: of the planned trials.
    """
    study = result.study
    sizes = {
        "cells": count(len(result.cells), "cell"),
        "seeds": count(len(study.seeds), "seed"),
        "epochs": count(_epochs(result), "epoch"),
    }
    said = [
        tr("{cells} with {seeds} each, at most {epochs} on {data}.", **sizes, data=retold(data.description))
        if data
        else tr("{cells} with {seeds} each, at most {epochs}.", **sizes)
    ]
    said.append(tr(_SELECTION[study.selection]))
    said += _chance_held(specs) + _stages(specs)
    said.append(
        tr(
            "Intervals of accuracy tell how much other seeds and other test examples could change it; those of all "
            "else how much other seeds could (Student's t)."
        )
        if len(study.seeds) > 1
        else tr(
            "Intervals tell how much other test examples could change test accuracy. How much another seed could, one "
            "seed cannot tell, and as a rule it is more: run five."
        )
    )
    if len(result.cells) > 2:
        said.append(tr("The best of many cells is partly the luckiest, so its figure is a little flattered."))
    if len(result.comparisons) > len(result.factors) and len(study.seeds) > 1:
        said.append(tr("“Beats” is said when it holds with all comparisons of a factor looked at (Holm)."))
    return tuple(said)


_SELECTION = {
    "best_validation": msg("The epoch was chosen on validation accuracy; test data chose nothing."),
    "last": msg("The weights of the last epoch count; test data chose nothing."),
    "best_test": msg("The epoch was chosen ON TEST, as the study asked: every accuracy here is flattered."),
}


def _stages(specs: Sequence[TrialSpec]) -> list[str]:
    said = []
    folds = {spec.data.folds for spec in specs}
    if folds - {None}:
        said.append(
            tr("The epoch was chosen from the mean curve of all folds of cross-validation (in some cells).")
            if None in folds
            else tr("The epoch was chosen from the mean curve of all folds of cross-validation.")
        )
    refits = {spec.train.refit for spec in specs}
    if "all" in refits:
        said.append(
            tr(
                "Networks were then trained anew on training and validation together for so many epochs: test accuracy "
                "is theirs; validation figures, curves, best on test and optimism are of the trainings before."
            )
            if refits == {"all"}
            else tr(
                "Networks were then trained anew on training and validation together for so many epochs (in some "
                "cells): test accuracy is theirs; validation figures, curves, best on test and optimism are of the "
                "trainings before."
            )
        )
    return said


def _chance_held(specs: Sequence[TrialSpec]) -> list[str]:
    held = {spec.vary for spec in specs} - {STREAMS}
    if not held:
        return []
    if len({spec.vary for spec in specs}) > 1:
        return [tr("Cells differ in which uses of chance follow the seed, and their intervals in what they are about.")]
    (varied,) = held
    return [
        tr(
            "Only {streams} followed the seed: intervals do not tell what other draws of the rest would give.",
            streams=join([tr(STREAM_WORDS[stream]) for stream in varied]),
        )
    ]


def _epochs(result: StudyResult) -> int:
    ran = [seed.n_epochs for cell in result.cells if cell.scores for seed in cell.scores.seeds]
    return max([result.study.baseline.train.epochs, *ran])


def provisional_words(result: StudyResult) -> str:
    """What is wanting, or nothing when every trial is finished."""
    if result.n_finished == result.n_planned:
        return ""
    return tr("Provisional: {progress}. Unfinished trials are part of no mean.", progress=_progress(result))


def _progress(result: StudyResult) -> str:
    parts = [tr("{n} of {trials} finished", n=result.n_finished, trials=count(result.n_planned, "trial"))]
    parts += [tr("{n} failed", n=result.n_failed)] if result.n_failed else []
    parts += [tr("{n} not run yet", n=result.n_missing)] if result.n_missing else []
    return join(parts)
