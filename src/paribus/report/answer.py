"""The answer to a study's question in words: what was seen, and how sure that is."""

from collections.abc import Sequence

from paribus.analysis.result import Best, StudyResult
from paribus.analysis.words import capital, count, join, percent, spread
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
        return (f"No trial is finished yet, so there is no answer: {_progress(result)}.",)
    notes = [f"About the data: {note}." for note in data.notes] if data else []
    sentences = (_best_words(result.best), _rival_words(result.best), _chance_words(data), *notes)
    return tuple(sentence for sentence in sentences if sentence)


def _best_words(best: Best) -> str:
    assert best.cell.scores is not None
    interval = best.cell.scores.accuracy
    sure = (
        f"95% interval over {count(interval.n, 'seed')} and the test examples: {spread(interval, share=True)}"
        if interval.n > 1
        else f"one seed; {spread(interval, share=True)} by the test examples alone"
    )
    label = capital(best.cell.label)
    if best.n_shared:
        return (
            f"{label} leads on the {count(best.n_shared, 'seed')} that every cell {_but(best)}has finished; its mean "
            f"test accuracy over all its seeds is {percent(interval.mean)} ({sure})."
        )
    uneven = " The cells have finished no seed in common, so this may be the luck of its seeds."
    return (
        f"{label} has the highest mean test accuracy: {percent(interval.mean)} ({sure})."
        f"{uneven if best.n_shared == 0 else ''}"
    )


def _but(best: Best) -> str:
    return f"(but {best.n_unfinished} without any) " if best.n_unfinished else ""


def _rival_words(best: Best) -> str:
    others = len(best.rivals) + len(best.worse) + len(best.undecided)
    if not others:
        return ""
    if not best.rivals and not best.worse:
        return "With fewer than two seeds in common there is no telling whether it truly leads: run more seeds."
    if best.rivals:
        of = f" of the other {others}" if others > 1 else ""
        said = f"{len(best.rivals)}{of} {'cell' if others == 1 else 'cells'} cannot be told apart from it"
        nearest = sorted(best.rivals, key=lambda cell: -cell.scores.accuracy.mean if cell.scores else 0.0)
        named = join([cell.label for cell in nearest[:AT_MOST_NAMED]])
        more = len(best.rivals) - AT_MOST_NAMED
        said += f": {named}" + (f" (and {more} more)" if more > 0 else "")
        if others == 1:
            said = f"The other cell, {named}, cannot be told apart from it"
        elif len(best.rivals) == others:
            said = f"None of the other {others} cells can be told apart from it"
    else:
        decided = len(best.worse)
        said = (
            "It is ahead of the other cell by more than chance"
            if others == 1
            else f"It is ahead of all other {decided} cells by more than chance"
            if decided == others
            else f"It is ahead of {decided} of the other {others} cells by more than chance"
        )
    waiting = len(best.undecided) + best.n_unfinished
    if waiting:
        said += f"; {count(waiting, 'cell')} cannot be judged yet"
    return said + "."


def _chance_words(data: DataSummary | None) -> str:
    counts = data.counts.get("test", ()) if data else ()
    if not sum(counts):
        return ""
    return f"Always guessing the most frequent class would give {percent(max(counts) / sum(counts))}."


def method_words(result: StudyResult, data: DataSummary | None, specs: Sequence[TrialSpec] = ()) -> tuple[str, ...]:
    """How the figures came about, and what they do not tell.

    Args:
        result: of the study.
        data: of one finished trial.
        specs: of the planned trials.
    """
    study = result.study
    on = f" on {data.description}" if data else ""
    said = [
        f"{capital(count(len(result.cells), 'cell'))} with {count(len(study.seeds), 'seed')} each, "
        f"at most {count(_epochs(result), 'epoch')}{on}."
    ]
    said.append(_SELECTION[study.selection])
    said += _chance_held(specs) + _stages(specs)
    said.append(
        "Intervals of accuracy tell how much other seeds and other test examples could change it; those of all else "
        "how much other seeds could (Student's t)."
        if len(study.seeds) > 1
        else "Intervals tell how much other test examples could change test accuracy. How much another seed could, one "
        "seed cannot tell, and as a rule it is more: run five."
    )
    if len(result.cells) > 2:
        said.append("The best of many cells is partly the luckiest, so its figure is a little flattered.")
    if len(result.comparisons) > len(result.factors) and len(study.seeds) > 1:
        said.append("“Beats” is said when it holds with all comparisons of a factor looked at (Holm).")
    return tuple(said)


_SELECTION = {
    "best_validation": "The epoch was chosen on validation accuracy; test data chose nothing.",
    "last": "The weights of the last epoch count; test data chose nothing.",
    "best_test": "The epoch was chosen ON TEST, as the study asked: every accuracy here is flattered.",
}


def _stages(specs: Sequence[TrialSpec]) -> list[str]:
    said = []
    folds = {spec.data.folds for spec in specs}
    if folds - {None}:
        where = "" if None not in folds else " (in some cells)"
        said.append(f"The epoch was chosen from the mean curve of all folds of cross-validation{where}.")
    refits = {spec.train.refit for spec in specs}
    if "all" in refits:
        where = "" if refits == {"all"} else " (in some cells)"
        said.append(
            f"Networks were then trained anew on training and validation together for so many epochs{where}: test "
            "accuracy is theirs; validation figures, curves, best on test and optimism are of the trainings before."
        )
    return said


def _chance_held(specs: Sequence[TrialSpec]) -> list[str]:
    held = {spec.vary for spec in specs} - {STREAMS}
    if not held:
        return []
    if len({spec.vary for spec in specs}) > 1:
        return ["Cells differ in which uses of chance follow the seed, and their intervals in what they are about."]
    (varied,) = held
    return [f"Only {join(varied)} followed the seed: intervals do not tell what other draws of the rest would give."]


def _epochs(result: StudyResult) -> int:
    ran = [seed.n_epochs for cell in result.cells if cell.scores for seed in cell.scores.seeds]
    return max([result.study.baseline.train.epochs, *ran])


def provisional_words(result: StudyResult) -> str:
    """What is wanting, or nothing when every trial is finished."""
    if result.n_finished == result.n_planned:
        return ""
    return f"Provisional: {_progress(result)}. Unfinished trials are part of no mean."


def _progress(result: StudyResult) -> str:
    parts = [f"{result.n_finished} of {count(result.n_planned, 'trial')} finished"]
    parts += [f"{result.n_failed} failed"] if result.n_failed else []
    parts += [f"{result.n_missing} not run yet"] if result.n_missing else []
    return join(parts)
