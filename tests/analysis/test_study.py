"""Whole studies whose answers are worked out by hand."""

import numpy as np
import pytest

from paribus.analysis.study import analyse
from paribus.grid import expand
from paribus.record import DataSummary, Environment, EpochRow, Predictions, TrialFailure, TrialRecord
from paribus.spec import StudySpec

ENVIRONMENT = Environment({"python": "3"}, "Linux", "cpu", "cpu", 1, None, "", "2025-01-01T00:00:00Z")


def make_study(**changes):
    plain = {
        "name": "s",
        "question": "?",
        "baseline": {"data": {"source": "digits"}, "model": {"name": "eegnet", "activation": "relu"}},
        "factors": {
            "model": {"path": "model.name", "levels": ["deepconvnet", "eegnet"]},
            "activation": {"path": "model.activation", "levels": ["elu", "relu"]},
        },
        "seeds": 3,
    }
    return StudySpec.model_validate({**plain, **changes})


def make_record(trial, n_right, test_curve=(0.5, 0.9, 0.6), selected=3):
    """Ten test examples of each of two classes, ``n_right`` of 20 right, errors in class 1 first."""
    y = np.repeat([0, 1], 10)
    right = np.arange(20) < n_right
    logits = np.zeros((20, 2), dtype=np.float32)
    logits[np.arange(20), np.where(right, y, 1 - y)] = 1.0
    test = Predictions(np.array([f"e{i}" for i in range(20)]), y, logits)
    history = tuple(EpochRow(i, 1, 0.5, 1, i / 10, 1, a, 0.1, 1) for i, a in enumerate(test_curve, 1))
    data = DataSummary("toy", "image", (1, 8, 8), ("a", "b"), {"train": (30, 10), "test": (10, 10)}, None, ())
    return TrialRecord(
        trial_id=trial.trial_id,
        spec=trial.spec,
        fingerprint="f",
        environment=ENVIRONMENT,
        data=data,
        layers=(),
        history=history,
        selected_epoch=selected,
        stopped_early=False,
        predictions={"test": test, "validation": test},
        checkpoint="c",
        seconds=1.0,
    )


def make_failure(trial):
    return TrialFailure(trial.trial_id, trial.spec, "f", None, "NonFiniteLoss", "nan", "", 1.0)


def plan(study):
    return expand(study, lambda data: "f")


def records_of(planned, n_right):
    """``n_right``: (levels…, seed) -> right of 20."""
    key = {t.trial_id: (*(level for _, level in t.cell), t.spec.seed) for t in planned}
    return [make_record(t, n_right[key[t.trial_id]]) for t in planned if key[t.trial_id] in n_right]


FULL = {
    ("deepconvnet", "elu", 0): 12,
    ("deepconvnet", "elu", 1): 12,
    ("deepconvnet", "elu", 2): 13,
    ("deepconvnet", "relu", 0): 12,
    ("deepconvnet", "relu", 1): 13,
    ("deepconvnet", "relu", 2): 12,
    ("eegnet", "elu", 0): 15,
    ("eegnet", "elu", 1): 14,
    ("eegnet", "elu", 2): 16,
    ("eegnet", "relu", 0): 18,
    ("eegnet", "relu", 1): 17,
    ("eegnet", "relu", 2): 19,
}


def cell_of(result, *levels):
    return next(cell for cell in result.cells if tuple(cell.levels.values()) == levels)


def test_a_cell_by_hand():
    study = make_study()
    planned = plan(study)
    scores = cell_of(analyse(study, planned, records_of(planned, FULL), []), "eegnet", "relu").scores
    assert [seed.accuracy for seed in scores.seeds] == [0.9, 0.85, 0.95]
    # 0.9 ± a quantile between t(0.975, 19) and t(0.975, 2) of 0.05 / sqrt(3) and the examples' part (test_crossed.py)
    assert scores.accuracy.mean == pytest.approx(0.9)
    assert scores.accuracy.half_width > 4.302653 * 0.05 / 3**0.5
    assert scores.accuracy.method == "seeds and examples"
    # Class 0 all right; of class 1's 30, 8 + 7 + 9 right.
    assert scores.confusion.tolist() == [[30, 0], [6, 24]]
    assert scores.seeds[0].balanced_accuracy == pytest.approx((1 + 0.8) / 2)
    assert scores.seeds[0].macro_f1 == pytest.approx((20 / 22 + 16 / 18) / 2)
    assert scores.best_on_test.mean == pytest.approx(0.9)
    assert scores.optimism.mean == pytest.approx(0.3)
    assert (scores.selected_epoch.median, scores.selected_epoch.low, scores.selected_epoch.high) == (3, 3, 3)
    assert scores.curves["accuracy", "test"].mean.tolist() == pytest.approx([0.5, 0.9, 0.6])


def test_paired_comparisons_by_hand():
    study = make_study()
    planned = plan(study)
    result = analyse(study, planned, records_of(planned, FULL), [])
    model, activation = result.comparisons
    # The baseline is eegnet with relu: others are measured against it, although it comes last.
    assert (model.level, model.against) == ("deepconvnet", "eegnet")
    assert (activation.level, activation.against) == ("elu", "relu")
    # elu - relu by seed: ((0 - 3) / 2, (-1 - 3) / 2, (1 - 3) / 2) of 20
    expected = np.array([-1.5, -2.0, -1.0]) / 20
    assert activation.difference.mean == pytest.approx(expected.mean())
    assert activation.difference.seeds == pytest.approx(0.025**2 / 3)
    assert activation.n_agree == 3
    # With 20 test examples no difference of 7.5 points can be told from chance, whatever the seeds say.
    assert activation.verdict == "unseen"
    assert activation.sentence.startswith("no difference between elu and relu that this study could see (−7.5 points, ")
    contexts = {one.label: one for one in activation.by_context}
    assert contexts["eegnet"].difference.mean == pytest.approx(-0.15)
    assert contexts["deepconvnet"].difference.mean == pytest.approx(0.0)
    # 3 examples more in each seed; McNemar's mid-p of 0 against 3: 2 * (0 + 0.125 / 2)
    assert [(pair.first_only, pair.second_only, pair.p) for pair in contexts["eegnet"].pairs] == [(0, 3, 0.125)] * 3


def test_best_and_those_that_cannot_be_told_apart():
    study = make_study()
    planned = plan(study)
    close = FULL | {("eegnet", "elu", 0): 18, ("eegnet", "elu", 1): 16, ("eegnet", "elu", 2): 19}
    close |= {key: 2 + key[2] for key in FULL if key[0] == "deepconvnet"}
    best = analyse(study, planned, records_of(planned, close), []).best
    assert best.cell.label == "eegnet · relu"
    assert [cell.label for cell in best.rivals] == ["eegnet · elu"]
    assert [cell.label for cell in best.worse] == ["deepconvnet · elu", "deepconvnet · relu"]
    assert best.undecided == ()


def test_equal_differences_stay_equal():
    """Float subtraction of shares must not make a difference, nor a sign, out of nothing."""
    study = make_study()
    planned = plan(study)
    shift = {(m, a, s): {"deepconvnet": 14, "eegnet": 17}[m] + (a == "elu") * (1 if m == "eegnet" else -1)
             for m, a, s in FULL}  # fmt: skip
    activation = analyse(study, planned, records_of(planned, shift), []).comparisons[1]
    assert activation.difference.mean == 0
    assert activation.difference.p_value == 1
    assert activation.sentence.startswith("no difference between elu and relu")


def test_partial_study_counts_and_averages_nothing_that_is_not_there():
    study = make_study()
    planned = plan(study)
    some = {key: n for key, n in FULL.items() if key[:2] != ("deepconvnet", "elu") and key != ("eegnet", "elu", 2)}
    lost = [t for t in planned if (*(level for _, level in t.cell), t.spec.seed) == ("eegnet", "elu", 2)]
    result = analyse(study, planned, records_of(planned, some), [make_failure(lost[0])])
    assert (result.n_planned, result.n_finished, result.n_failed, result.n_missing) == (12, 8, 1, 3)
    empty, partial = cell_of(result, "deepconvnet", "elu"), cell_of(result, "eegnet", "elu")
    assert empty.scores is None
    assert empty.missing == (0, 1, 2)
    assert (partial.finished, partial.failed, partial.missing) == ((0, 1), (2,), ())
    assert partial.scores.accuracy.n == 2
    assert [(one.label, one.seed) for one in result.failures] == [("eegnet · elu", 2)]
    activation = result.comparisons[1]
    # Only eegnet has both levels, only seeds 0 and 1 finished with both: -3 and -3 of 20.
    assert activation.difference.n_seeds == 2
    assert activation.difference.mean == pytest.approx(-0.15)
    assert "from 2 of 3 seeds (1 failed)" in activation.sentence
    assert [one.label for one in activation.by_context] == ["eegnet"]


def test_a_seed_without_all_contexts_is_left_out_of_the_mean():
    study = make_study()
    planned = plan(study)
    some = {key: n for key, n in FULL.items() if key != ("deepconvnet", "elu", 0)}
    activation = analyse(study, planned, records_of(planned, some), []).comparisons[1]
    assert activation.difference.n_seeds == 2
    assert activation.difference.mean == pytest.approx((-2.0 - 1.0) / 2 / 20)


def test_contexts_on_other_seeds_do_not_take_each_others_away():
    study = make_study(seeds=5)
    planned = plan(study)
    right = {(m, a, s): 14 + (a == "elu") for m in ("eegnet", "deepconvnet") for a in ("elu", "relu") for s in range(5)}
    few = {k: v for k, v in right.items() if k[0] == "eegnet" or k[2] == 0}  # deepconvnet has finished one seed
    activation = analyse(study, planned, records_of(planned, few), []).comparisons[1]
    assert (activation.n_counted, activation.n_contexts, activation.difference.n_seeds) == (1, 2, 5)
    assert "over 1 of 2 contexts" in activation.sentence
    assert len(activation.by_context) == 2
    apart = {k: v for k, v in right.items() if (k[2] < 3) == (k[0] == "eegnet")}
    activation = analyse(study, planned, records_of(planned, apart), []).comparisons[1]
    assert (activation.n_counted, activation.difference.n_seeds) == (1, 3)


def test_failed_and_missing_seeds_are_told_apart():
    study = make_study(factors={"activation": {"path": "model.activation", "levels": ["elu", "relu"]}}, seeds=4)
    planned = plan(study)
    records = [make_record(planned[0], 14), make_record(planned[5], 14)]
    (one,) = analyse(study, planned, records, [make_failure(planned[1])]).comparisons
    assert one.sentence == "elu and relu cannot be compared yet: no seed has finished with both (1 failed)"


def test_nothing_finished():
    study = make_study()
    result = analyse(study, plan(study), [], [])
    assert result.best is None
    assert result.optimism is None
    assert result.n_missing == 12
    assert all(one.difference is None for one in result.comparisons)


def test_a_failure_that_was_made_good_no_longer_counts():
    study = make_study(factors={}, seeds=[4])
    planned = plan(study)
    result = analyse(study, planned, [make_record(planned[0], 15)], [make_failure(planned[0])])
    assert (result.n_finished, result.n_failed, result.failures) == (1, 0, ())
    assert result.cells[0].label == "baseline"
    assert result.comparisons == ()


def test_one_seed_says_what_it_leaves_out():
    study = make_study(seeds=[7])
    planned = plan(study)
    result = analyse(study, planned, [make_record(t, 10 + i) for i, t in enumerate(planned)], [])
    assert result.cells[0].scores.accuracy.method == "examples"
    assert all("by the test examples alone: other seeds may differ more" in one.sentence for one in result.comparisons)
    assert all(one.verdict == "one seed" for one in result.comparisons)
    assert len(result.best.undecided) == 3


def test_one_at_a_time_compares_with_the_baseline_cell():
    study = make_study(
        design="one_at_a_time",
        factors={
            "activation": {"path": "model.activation", "levels": ["elu", "relu", "gelu"]},
            "lr": {"levels": {"slow": {"train.optimizer.lr": 1e-4}, "fast": {"train.optimizer.lr": 1e-2}}},
        },
    )
    planned = plan(study)
    right = {(): 15, ("elu",): 13, ("gelu",): 15, ("slow",): 12, ("fast",): 18}
    records = [make_record(t, right[tuple(level for _, level in t.cell)]) for t in planned]
    result = analyse(study, planned, records, [])
    assert not result.crossed
    assert [cell.label for cell in result.cells] == ["baseline", "elu", "gelu", "slow", "fast"]
    assert result.factors == {"activation": ("relu", "elu", "gelu"), "lr": ("baseline", "slow", "fast")}
    found = [(one.level, one.against, round(one.difference.mean, 9)) for one in result.comparisons]
    assert found == [
        ("elu", "relu", -0.1),
        ("gelu", "relu", 0.0),
        ("slow", "baseline", -0.15),
        ("fast", "baseline", 0.15),
    ]
    # Three of 20 examples, the same three in each seed.
    assert result.comparisons[3].verdict == "unseen"


def test_reported_figures_only_for_the_same_data_and_the_most_particular_one():
    reported = [
        {
            "source": "R0",
            "data": {"source": "digits", "test": 0.2},
            "figures": [
                {"cell": {"model": "eegnet"}, "test_accuracy": 80.0},
                {"cell": {"model": "eegnet", "activation": "relu"}, "test_accuracy": 86.76},
            ],
        },
        {"source": "elsewhere", "data": {"source": "bci3b"}, "figures": [{"cell": {}, "test_accuracy": 50}]},
        {
            "source": "another network",
            "data": {},
            "model": {"name": "dnn"},
            "figures": [{"cell": {}, "test_accuracy": 5}],
        },
        {"source": "no such field", "data": {"path": None}, "figures": [{"cell": {}, "test_accuracy": 50}]},
    ]
    study = make_study(reported=reported)
    result = analyse(study, plan(study), [], [])
    assert [(v.source, v.accuracy) for v in cell_of(result, "eegnet", "relu").reported] == [
        ("R0", pytest.approx(0.8676))
    ]
    assert [v.accuracy for v in cell_of(result, "eegnet", "elu").reported] == [pytest.approx(0.8)]
    assert cell_of(result, "deepconvnet", "relu").reported == ()
    part_of_the_data = make_study(
        reported=reported,
        baseline={**study.baseline.model_dump(mode="json"), "data": {"source": "digits", "test": 0.2, "limit": 100}},
    )
    result = analyse(part_of_the_data, plan(part_of_the_data), [], [])
    assert cell_of(result, "eegnet", "relu").reported == ()


def test_reported_figures_of_a_table_where_one_factor_changes_at_a_time():
    """A level that sets what another factor sets too is at none of that factor's levels."""
    factors = {
        "lr": {"path": "train.optimizer.lr", "levels": [0.01, 0.001]},
        "schedule": {"path": "train.schedule", "levels": ["constant", "cosine"]},
        "optimizer": {
            "levels": {
                "adam": {"train.optimizer": {"name": "adam", "lr": 0.001}},
                "sgd": {"train.optimizer": {"name": "sgd", "lr": 0.1}},
            }
        },
    }
    cells = [
        ({"lr": 0.01, "schedule": "constant"}, 1),
        ({"lr": 0.001, "schedule": "constant"}, 2),
        ({"lr": 0.01, "schedule": "cosine"}, 3),
        ({"lr": 0.001, "schedule": "cosine"}, 4),
        ({"lr": 0.001, "optimizer": "sgd"}, 5),
    ]
    figures = [{"cell": cell, "test_accuracy": accuracy} for cell, accuracy in cells]
    study = make_study(
        design="one_at_a_time", factors=factors, reported=[{"source": "R3", "data": {}, "figures": figures}]
    )
    found = {
        cell.name: [100 * value.accuracy for value in cell.reported]
        for cell in analyse(study, plan(study), [], []).cells
    }
    assert found == {"baseline": [2], "lr 0.01": [1], "cosine": [4], "sgd": []}


def test_reported_validation_accuracy_is_kept_apart():
    reported = [{"source": "R2", "data": {}, "figures": [{"cell": {}, "test_accuracy": 60, "validation_accuracy": 62}]}]
    study = make_study(factors={}, seeds=1, reported=reported)
    planned = plan(study)
    cell = analyse(study, planned, [make_record(planned[0], 15, (0.5, 0.7, 0.6))], []).cells[0]
    assert [(v.part, v.accuracy) for v in cell.reported] == [("test", 0.6), ("validation", 0.62)]
    assert cell.scores.validation_accuracy.mean == pytest.approx(0.3), "of the selected epoch, the third"


def test_reported_figures_match_levels_by_value():
    study = make_study(
        factors={
            "lr": {"path": "train.optimizer.lr", "levels": [0.001, 1e-5]},
            "norm": {"path": "model.max_norm", "levels": [None, {"conv": 2.0}]},
        },
        reported=[
            {
                "source": "R",
                "data": {},
                "figures": [
                    {"cell": {"lr": 1e-3, "norm": None}, "test_accuracy": 10},
                    {"cell": {"lr": 0.00001, "norm": None}, "test_accuracy": 20},
                ],
            }
        ],
    )
    result = analyse(study, plan(study), [], [])
    assert [[v.accuracy for v in cell.reported] for cell in result.cells] == [[0.1], [], [0.2], []]


def test_whole_study_optimism_is_over_seeds():
    study = make_study(factors={}, seeds=2)
    planned = plan(study)
    records = [make_record(planned[0], 15, (0.5, 0.7, 0.6)), make_record(planned[1], 15, (0.5, 0.9, 0.6))]
    result = analyse(study, planned, records, [])
    assert result.optimism.n == 2
    assert result.optimism.mean == pytest.approx(0.2)


def test_every_pair_is_compared_on_request():
    levels = {"activation": {"path": "model.activation", "levels": ["elu", "relu", "gelu"]}}
    study = make_study(factors=levels)
    planned = plan(study)
    records = [make_record(t, 12 + t.spec.seed) for t in planned]
    plain, every = (analyse(study, planned, records, [], every_pair=asked).comparisons for asked in (False, True))
    assert [(one.level, one.against) for one in plain] == [("elu", "relu"), ("gelu", "relu")]
    assert [(one.level, one.against) for one in every] == [("elu", "relu"), ("gelu", "relu"), ("gelu", "elu")]
    assert [one.n_together for one in every] == [3, 3, 3]
