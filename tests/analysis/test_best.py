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
