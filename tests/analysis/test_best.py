"""Which cell is called the best, and how surely, when seeds are missing or differences are equal."""

from conformance.build import make_planned, make_records, make_study
from paribus.analysis.study import analyse
from paribus.report.answer import answer_words


def results(accuracies: dict[tuple[str, int], float], **changes):
    """Of a study of two activations; trials without an accuracy are not finished."""
    study = make_study(
        factors={"activation": {"path": "model.activation", "levels": ["relu", "elu"]}}, seeds=5, **changes
    )
    planned = make_planned(study)
    had = [t for t in planned if (t.cell[0][1], t.spec.seed) in accuracies]
    records = make_records(had, [accuracies[t.cell[0][1], t.spec.seed] for t in had], n_test=200)
    return analyse(study, planned, records, [])


def test_a_cell_that_was_spared_hard_seeds_is_not_the_best() -> None:
    relu = {("relu", seed): value for seed, value in enumerate((0.90, 0.905, 0.90))}
    elu = {("elu", seed): value for seed, value in enumerate((0.95, 0.96, 0.95, 0.5, 0.5))}
    result = results(relu | elu)
    assert result.best is not None
    assert result.best.cell.label == "elu"
    assert result.best.n_shared == 3
    assert [cell.label for cell in result.best.worse] == ["relu"]
    assert answer_words(result, None)[0].startswith("elu leads on the 3 seeds that every cell has finished")


def test_equal_differences_prove_nothing() -> None:
    result = results({("relu", 0): 0.9, ("relu", 1): 0.8, ("elu", 0): 0.85, ("elu", 1): 0.75})
    assert result.best is not None
    assert result.best.n_shared is None
    assert [cell.label for cell in result.best.rivals] == ["elu"]
    assert not any("more than chance" in sentence for sentence in answer_words(result, None))


def test_levels_of_the_same_name_are_told_apart() -> None:
    study = make_study(
        design="one_at_a_time",
        seeds=1,
        factors={
            "a": {"levels": {"high": {"train.optimizer.lr": 0.5}}},
            "b": {"levels": {"high": {"model.dropout": 0.9}}},
        },
    )
    planned = make_planned(study)
    result = analyse(study, planned, make_records(planned, [0.5, 0.6, 0.7]), [])
    assert [cell.label for cell in result.cells] == ["baseline", "a high", "b high"]


def test_what_is_better_on_other_seeds_is_not_called_worse() -> None:
    """relu leads on the two seeds that gelu has too, elu on all ten."""
    study = make_study(
        factors={"activation": {"path": "model.activation", "levels": ["relu", "elu", "gelu"]}}, seeds=10
    )
    planned = make_planned(study)
    reached = {"relu": [0.93, 0.93] + [0.7] * 8, "elu": [0.92, 0.92] + [0.93] * 8, "gelu": [0.8, 0.8]}
    had = [t for t in planned if t.spec.seed < len(reached[t.cell[0][1]])]
    records = make_records(had, [reached[t.cell[0][1]][t.spec.seed] for t in had], n_test=2000)
    best = analyse(study, planned, records, []).best
    assert best is not None
    assert best.cell.label == "relu"
    assert [cell.label for cell in best.worse] != ["elu"]
    assert "elu" in [cell.label for cell in best.rivals]


def test_cells_without_any_finished_trial_are_told() -> None:
    result = results({("relu", seed): 0.9 for seed in range(5)})
    assert result.best is not None
    assert result.best.n_unfinished == 1
    partly = results({("relu", seed): 0.9 for seed in range(5)} | {("elu", 0): 0.9, ("elu", 1): 0.8})
    assert not any("but" in sentence for sentence in answer_words(partly, None))
