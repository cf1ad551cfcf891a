"""The tables of a report: what stands in each."""

from paribus.analysis.crossed import CrossedMean
from paribus.analysis.further import FURTHER
from paribus.analysis.intervals import Interval
from paribus.analysis.result import CellResult, StudyResult, TwoWay
from paribus.analysis.words import STREAM_WORDS, could_be, join, level_words, listed, n_of, pair_words, sentences
from paribus.lang import tr
from paribus.report.table import Column, Mark, Table, Value
from paribus.spec import STREAMS


def all_tables(result: StudyResult) -> tuple[Table, ...]:
    """Every table, also those without rows."""
    return (
        answer_table(result),
        cells_table(result),
        further_table(result),
        classes_table(result),
        spreads_table(result),
        comparisons_table(result),
        pairs_table(result),
        *(two_way_table(both, place) for place, both in enumerate(result.two_ways, 1)),
        interactions_table(result),
        rules_table(result),
        diagnoses_table(result),
        trials_table(result),
    )


def answer_table(result: StudyResult) -> Table:
    """Test accuracy laid out as in a lab report: factor x factor, or one row a cell.

    In a grid the last factor runs across, all others down.
    """
    caption = (
        tr(
            "Mean test accuracy in percent, ± half of the 95% interval over seeds and test examples. Best in bold; "
            "dotted: cannot be told apart from the best."
        )
        if result.best and result.best.rivals
        else tr("Mean test accuracy in percent, ± half of the 95% interval over seeds and test examples. Best in bold.")
    )
    mark_of = _marks(result)
    if not result.crossed or len(result.factors) < 2:
        head = (Column(join(list(result.factors)) or tr("cell")), Column(tr("test accuracy"), "percent"))
        single = tuple((_row_name(cell), _accuracy(cell)) for cell in result.cells)
        marked = {(i, 1): mark for i, cell in enumerate(result.cells) if (mark := mark_of.get(cell))}
        return Table("answer", caption, head, single, marks=marked)
    *down, across = result.factors
    grid: dict[tuple[str, ...], dict[str, CellResult]] = {}
    for cell in result.cells:
        grid.setdefault(tuple(cell.levels[factor] for factor in down), {})[cell.levels[across]] = cell
    levels = result.factors[across]
    columns = (*map(Column, down), *(Column(level_words(across, level), "percent") for level in levels))
    found = [[cells.get(level) for level in levels] for cells in grid.values()]
    marks = {
        (i, j + len(down)): mark
        for i, cells in enumerate(found)
        for j, cell in enumerate(cells)
        if cell and (mark := mark_of.get(cell))
    }
    rows = tuple(
        (*names, *(_accuracy(cell) if cell else None for cell in cells))
        for names, cells in zip(grid, found, strict=True)
    )
    return Table("answer", caption, columns, rows, n_head=len(down), marks=marks)


def cells_table(result: StudyResult) -> Table:
    """One row a cell, with all its figures."""
    sources = tuple(dict.fromkeys((value.part, value.source) for cell in result.cells for value in cell.reported))
    heads = tuple(map(Column, result.factors)) if result.crossed and result.factors else (Column(tr("cell")),)
    columns = (
        *heads,
        Column(tr("seeds"), "count"),
        Column(tr("test accuracy"), "percent"),
        Column(tr("balanced accuracy"), "percent"),
        Column(tr("macro-F1"), "percent"),
        Column(tr("test loss"), "loss"),
        Column(tr("selected epoch"), "epochs"),
        Column(tr("best on test"), "percent"),
        Column(tr("optimism"), "points"),
        Column(tr("validation accuracy"), "percent"),
        *(
            Column(
                tr("reported on validation, {source}" if part == "validation" else "reported, {source}", source=source),
                "percent",
            )
            for part, source in sources
        ),
    )
    mark_of = _marks(result)
    rows, marks = [], {}
    for i, cell in enumerate(result.cells):
        names = tuple(cell.levels.values()) if len(heads) == len(cell.levels) and result.crossed else (cell.label,)
        scores, reported = cell.scores, {(value.part, value.source): value.accuracy for value in cell.reported}
        figures: tuple[Value, ...] = (None,) * 8
        if scores:
            figures = (
                scores.accuracy,
                scores.balanced_accuracy,
                scores.macro_f1,
                scores.loss,
                scores.selected_epoch,
                scores.best_on_test,
                scores.optimism,
                scores.validation_accuracy,
            )
        seeds = n_of(len(cell.finished), len(cell.trial_ids))
        rows.append((*names, seeds, *figures, *(reported.get(source) for source in sources)))
        if mark := mark_of.get(cell):
            marks[i, len(heads) + 1] = mark
    caption = tr(
        "All figures but those called so are on test, as mean with 95% interval: of accuracy and balanced accuracy "
        "over seeds and test examples, of all else over seeds; selected epoch: median and range."
    )
    return Table("cells", caption, columns, tuple(rows), n_head=len(heads), marks=marks)


def further_table(result: StudyResult) -> Table:
    """One row a cell, with the figures that are usual elsewhere, and calibration."""
    columns = (Column(tr("cell")), *(Column(tr(name), kind) for name, kind in FURTHER.items()))
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (cell.label, *(cell.scores.further[name] for name in FURTHER)) for cell in result.cells if cell.scores
    )
    caption = tr(
        "On test, as mean with 95% interval over seeds. Calibration error: mean distance between how sure the network "
        "is and how often it is right. Temperature: what logits are to be divided by for the least loss on validation, "
        "above 1 where the network is too sure."
    )
    return Table("further", caption, columns, rows)


def classes_table(result: StudyResult) -> Table:
    """One row a class of a cell."""
    columns = (
        Column(tr("cell")),
        Column(tr("class")),
        Column(tr("test examples"), "count"),
        *(Column(name, "percent") for name in (tr("precision"), tr("recall"), tr("F1"))),
    )
    rows = tuple(
        (cell.label, each.name, each.n, each.precision, each.recall, each.f1)
        for cell in result.cells
        if cell.scores
        for each in cell.scores.by_class
    )
    caption = tr(
        "Each class on test, as mean with 95% interval: of recall over seeds and test examples, else over seeds."
    )
    return Table("classes", caption, columns, rows, n_head=2)


def spreads_table(result: StudyResult) -> Table:
    """One row a cell with at least two seeds."""
    several = len({one.streams for one in result.spreads}) > 1
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            one.label,
            tr("all") if one.streams == STREAMS else listed(tr(STREAM_WORDS[stream]) for stream in one.streams),
            one.deviation.n,
            *(100 * x for x in (one.deviation.mean, one.deviation.low, one.deviation.high)),
            *((one.share.mean, one.share.low, one.share.high) if several and one.share else ()),
            *((None,) * 3 if several and not one.share else ()),
        )
        for one in result.spreads
    )
    columns = (
        Column(tr("cell")),
        Column(tr("what varies")),
        Column(tr("seeds"), "count"),
        Column(tr("standard deviation (points)"), "loss"),
        Column(tr("at least"), "loss"),
        Column(tr("at most"), "loss"),
        *(Column(title, "percent") for title in (tr("share of variance"), tr("from"), tr("to")) if several),
    )
    caption = tr(
        "How far test accuracy spreads between seeds, with the 95% interval of the standard deviation (chi-square)."
    )
    if several:
        share = tr(
            "Share: of the variance of the cell that is the same but for varying everything; uses of chance can act "
            "together, so shares need not add up."
        )
        caption = sentences([caption, share])
    return Table("spreads", caption, columns, rows)


def comparisons_table(result: StudyResult) -> Table:
    """One row a comparison, and one for each context of it."""
    rows: list[tuple[Value, ...]] = []
    for one in result.comparisons:
        pair = pair_words(one.level, one.against)
        agree = n_of(one.n_agree, one.difference.n_seeds) if one.difference else None
        several = len(result.contexts[one.factor]) > 1
        figures = _difference(one.difference)
        rows.append(
            (one.factor, pair, tr("all") if several else "", *figures, one.corrected, could_be(one.detectable), agree)
        )
        for within in one.by_context if several else ():
            rows.append((one.factor, pair, within.label, *_difference(within.difference), None, None, None))
    columns = (
        Column(tr("factor")),
        Column(tr("levels")),
        Column(tr("with")),
        Column(tr("difference in test accuracy"), "points"),
        Column(tr("p"), "p"),
        Column(tr("p, corrected"), "p"),
        Column(tr("could have seen"), "points"),
        Column(tr("seeds that agree"), "count"),
    )
    caption = tr(
        "Paired differences with their 95% intervals, over seeds and test examples: same seed, same levels of the "
        "other factors. p is two-sided; corrected for the other comparisons of the factor (Holm). “Could have seen”: "
        "the least true difference that would be found four times in five, so corrected."
    )
    return Table("comparisons", caption, columns, tuple(rows), n_head=3)


def _difference(found: CrossedMean | None) -> tuple[Value, Value]:
    """The difference with its interval, and its p value, which needs two seeds."""
    if found is None:
        return None, None
    return found.interval(), found.p_value if found.n_seeds > 1 else None


def pairs_table(result: StudyResult) -> Table:
    """One row for each two trials that are compared."""
    rows = tuple(
        (
            one.factor,
            pair_words(one.level, one.against),
            within.label,
            pair.seed,
            pair.first_only,
            pair.second_only,
            pair.p,
        )
        for one in result.comparisons
        for within in one.by_context
        for pair in within.pairs
    )
    columns = (
        Column(tr("factor")),
        Column(tr("levels")),
        Column(tr("with")),
        Column(tr("seed"), "count"),
        Column(tr("only the first is right"), "count"),
        Column(tr("only the second is right"), "count"),
        Column(tr("McNemar's p"), "p"),
    )
    caption = tr(
        "Two trained networks at a time, in test examples. McNemar's mid-p test asks whether these two differ, and "
        "two seeds of the same cell often do; it does not tell whether the levels differ."
    )
    return Table("pairs", caption, columns, rows, n_head=4)


def two_way_table(both: TwoWay, place: int) -> Table:
    """Mean test accuracy by the levels of two factors, with the means over each.

    Args:
        both: the factors.
        place: among all such tables of the report, from 1.
    """
    down, across = both.factors
    columns = (Column(down), *(Column(level_words(across, level), "percent") for level in both.levels[1]))
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (tr("mean") if a is None else a, *(both.means[a, b] for b in (*both.levels[1], None)))
        for a in (*both.levels[0], None)
        if both.means
    )
    caption = tr(
        "Mean test accuracy by {first} and {second}, over all other factors, ± half of the 95% interval.",
        first=down,
        second=across,
    )
    return Table(f"two-way-{place}", caption, (*columns, Column(tr("mean"), "percent")), rows)


def interactions_table(result: StudyResult) -> Table:
    """One row for each level of a factor with each level of another."""
    rows = tuple(
        (
            *(pair_words(level, against) for _, level, against in one.levels),
            *_difference(one.difference),
            one.corrected,
            could_be(one.detectable),
        )
        for both in result.two_ways
        for one in both.interactions
    )
    columns = (
        Column(tr("what this does")),
        Column(tr("by this")),
        Column(tr("difference of differences"), "points"),
        Column(tr("p"), "p"),
        Column(tr("p, corrected"), "p"),
        Column(tr("could have seen"), "points"),
    )
    return Table(
        "interactions",
        tr("Whether what one level does depends on another factor's level; corrected within two factors (Holm)."),
        columns,
        rows,
        n_head=2,
    )


def rules_table(result: StudyResult) -> Table:
    """One row a decision rule of the best cell."""
    caption = tr(
        "Decision rules of {cell}, on test: means over seeds; what a rule chooses it chooses on validation. paribus "
        "decide shows every cell and class, and keeps a rule in checkpoints.",
        cell=result.best.cell.label if result.best else "",
    )
    columns = [Column(tr("rule"))]
    for name in (tr("accuracy"), tr("balanced accuracy"), tr("macro-F1")):
        columns += [Column(name, "percent"), Column(tr("{figure} over argmax", figure=name), "points")]
    rows = []
    for one in result.rules:
        row: list[Value] = [tr(one.rule)]
        for gain in (one.accuracy, one.balanced_accuracy, one.macro_f1):
            row += [gain.reached, None if one.rule == "argmax" else gain.over_argmax]
        rows.append(tuple(row))
    return Table("rules", caption, tuple(columns), tuple(rows))


def diagnoses_table(result: StudyResult) -> Table:
    """One row a sign in the curves of a cell."""
    rows = tuple(
        (cell.label, tr(one.sign), one.text, one.advice, ", ".join(one.fields), n_of(len(one.seeds), one.n_seeds))
        for cell in result.cells
        for one in cell.diagnoses
    )
    titles = (tr("cell"), tr("sign"), tr("seen"), tr("what to try"), tr("fields"))
    columns = (*map(Column, titles), Column(tr("seeds"), "count"))
    return Table("diagnoses", tr("What the learning curves say."), columns, rows, n_head=2)


def trials_table(result: StudyResult) -> Table:
    """One row a trial, finished or not."""
    rows: list[tuple[Value, ...]] = []
    for cell in result.cells:
        done = {seed.trial_id: seed for seed in cell.scores.seeds} if cell.scores else {}
        for trial_id, planned_seed in zip(cell.trial_ids, result.study.seeds, strict=False):
            seed = done.get(trial_id)
            state = tr("finished" if seed else "failed" if planned_seed in cell.failed else "missing")
            figures = (seed.accuracy, seed.loss, seed.selected_epoch, seed.n_epochs) if seed else (None,) * 4
            rows.append((trial_id, cell.label, planned_seed, state, *figures))
    columns = (
        Column(tr("trial")),
        Column(tr("cell")),
        Column(tr("seed"), "count"),
        Column(tr("state")),
        Column(tr("test accuracy"), "percent"),
        Column(tr("test loss"), "loss"),
        Column(tr("selected epoch"), "count"),
        Column(tr("epochs"), "count"),
    )
    return Table("trials", tr("Every trial of the study."), columns, tuple(rows))


def _row_name(cell: CellResult) -> str:
    return next(iter(cell.levels.values())) if len(cell.levels) == 1 else cell.label


def _accuracy(cell: CellResult) -> Interval | None:
    return cell.scores.accuracy if cell.scores else None


def _marks(result: StudyResult) -> dict[CellResult, Mark]:
    if result.best is None:
        return {}
    rivals: dict[CellResult, Mark] = dict.fromkeys(result.best.rivals, "rival")
    return {**rivals, result.best.cell: "best"}
