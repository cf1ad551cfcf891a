"""Expansion and trial ids."""

import copy

import pytest

from paribus.errors import StudyError
from paribus.grid import expand, levels_of, patch, trial_id
from paribus.spec import Baseline, FaceCNNLargeSpec, Factor, StudySpec, TrialSpec
from paribus.validate import validate

BASE = {
    "name": "a",
    "question": "q?",
    "baseline": {"data": {"source": "digits"}, "model": {"name": "simple_cnn"}, "train": {"epochs": 2}},
}


def study(**changes: object) -> StudySpec:
    return validate(StudySpec, {**copy.deepcopy(BASE), **changes})


def trial(**changes: object) -> TrialSpec:
    return validate(TrialSpec, {**copy.deepcopy(BASE["baseline"]), **changes})


def test_grid_has_every_combination_in_order() -> None:
    spec = study(
        factors={
            "activation": {"path": "model.activation", "levels": ["relu", "elu"]},
            "rate": {"levels": {"high": {"train.optimizer.lr": 0.1}, "low": {"train.optimizer.lr": 0.01}}},
        },
        seeds=2,
    )
    planned = expand(spec, lambda _: "f")
    assert [(dict(t.cell)["activation"], dict(t.cell)["rate"], t.spec.seed) for t in planned] == [
        (a, r, s) for a in ("relu", "elu") for r in ("high", "low") for s in (0, 1)
    ]
    assert [t.spec.train.optimizer.lr for t in planned[::2]] == [0.1, 0.01, 0.1, 0.01]
    assert len({t.trial_id for t in planned}) == 8


def test_one_at_a_time_has_the_baseline_and_each_other_level_alone() -> None:
    spec = study(
        design="one_at_a_time",
        seeds=1,
        factors={
            "activation": {"path": "model.activation", "levels": ["relu", "elu"]},
            "dropout": {"path": "model.dropout", "levels": [0.0, 0.5]},
        },
    )
    planned = expand(spec, lambda _: "f")
    assert [t.cell for t in planned] == [(), (("activation", "elu"),), (("dropout", "0"),)]
    assert planned[2].spec.model.activation == "relu"


def test_no_factors_is_one_cell() -> None:
    assert [t.cell for t in expand(study(seeds=1), lambda _: "f")] == [()]


def test_the_kind_of_a_thing_may_change() -> None:
    baseline = trial(train={"schedule": {"name": "step", "every": 3}})
    changed = patch(baseline, {"train.schedule.name": "cosine"})
    assert changed["train"]["schedule"] == {"name": "cosine"}
    kept = patch(baseline, {"train.schedule.name": "cosine", "train.schedule.every": 3})
    assert kept["train"]["schedule"] == {"name": "cosine", "every": 3}, "what a patch sets itself is not hidden"


def test_a_new_kind_has_defaults_of_its_own() -> None:
    """Only what a person gave for the old kind is kept; not, as dropout 0.5 of EEGNet, what it has by default."""
    plain = patch(trial(model={"name": "eegnet", "activation": "elu"}), {"model.name": "face_cnn_large"})
    changed = validate(Baseline, {key: plain[key] for key in ("data", "model", "train")})
    assert isinstance(changed.model, FaceCNNLargeSpec)
    assert changed.model.activation == "elu"
    assert changed.model.dropout == (0.2, 0.25, 0.3, 0.4, 0.5, 0.5, 0.5)
    assert patch(trial(), {"train.optimizer.lr": 0.5})["train"]["optimizer"] == {"name": "adam", "lr": 0.5}
    with pytest.raises(StudyError, match="has no fields inside"):
        patch(trial(), {"train.precision.more": 1})


def test_a_network_of_ones_own_is_part_of_the_id() -> None:
    planned = [expand(study(seeds=1), lambda _: "f", lambda _, code=code: code)[0] for code in ("", "a", "b")]
    assert planned[0].trial_id == expand(study(seeds=1), lambda _: "f")[0].trial_id
    assert len({one.trial_id for one in planned}) == 3


def test_level_names() -> None:
    def names(*levels: object) -> list[str]:
        return list(levels_of("f", validate(Factor, {"path": "train.schedule", "levels": list(levels)})))

    assert names(None, True, 0.001, 1e-05, 3) == ["none", "true", "0.001", "1e-05", "3"]
    assert names({"name": "step", "every": 3}, "cosine") == ["step", "cosine"]
    assert names({"name": "step", "every": 3}, {"name": "step", "every": 5}) == [
        "name step, every 3",
        "name step, every 5",
    ]
    assert names(0.12345678, 0.12345679) == ["0.12345678", "0.12345679"]
    with pytest.raises(StudyError, match="levels must differ"):
        names("a", "a")
    with pytest.raises(StudyError, match=r"this level and level 1 would both be called `none`: give them names"):
        names(None, "none")


def test_names_of_lists_as_levels() -> None:
    def names(*levels: object) -> list[str]:
        return list(levels_of("f", validate(Factor, {"path": "train.augmentation", "levels": list(levels)})))

    crop, wide, flip = {"name": "crop", "padding": 1}, {"name": "crop", "padding": 2}, {"name": "flip"}
    assert names([], [crop], [crop, flip], ["a", "b"]) == ["nothing", "crop", "crop flip", "a b"]
    assert names([crop], [wide]) == ["name crop, padding 1", "name crop, padding 2"]
    assert names([crop, flip], [wide, flip]) == ["name crop, padding 1 + name flip", "name crop, padding 2 + name flip"]
    args = [{"name": "own:f", "args": {"by": by, "of": []}} for by in (1.0, 0.12345678, 0.12345679)]
    assert names(*args) == [f"name own:f, args by {by}, of nothing" for by in ("1", "0.12345678", "0.12345679")]
    with pytest.raises(StudyError, match="would both be called `nothing`"):
        names([], ["nothing"])


def test_trial_id_is_pinned() -> None:
    """Ids are stored for years: this one changes only together with SPEC_VERSION."""
    assert trial_id(trial(), "f") == "1a2f44fb7b4fe584"


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"selection": "last"},
        {"model": {"name": "simple_cnn", "dropout": 0.1}},
        {"train": {"epochs": 3}},
        {"data": {"source": "digits", "validation": 0.3}},
        {"data": {"source": "digits", "normalise": "none"}},
    ],
)
def test_what_changes_a_result_changes_the_id(change: dict) -> None:
    assert trial_id(trial(**change), "f") != trial_id(trial(), "f")
    assert trial_id(trial(), "g") != trial_id(trial(), "f")


def test_where_data_come_from_does_not_change_the_id() -> None:
    elsewhere = trial(data={"source": "npz", "path": "/some/file.npz"})
    assert trial_id(elsewhere, "f") == trial_id(trial(), "f")


def test_two_cells_with_the_same_data_are_refused() -> None:
    factors = {"n": {"path": "data.test", "levels": [0.2, 0.3]}}
    assert len(expand(study(factors=factors, seeds=1), lambda spec: str(spec.test))) == 2
    with pytest.raises(StudyError, match=r"n 0.3 and n 0.2 are the same trials"):
        expand(study(factors=factors, seeds=1), lambda _: "f")


def test_spelling_does_not_change_the_id() -> None:
    long = trial(train={"epochs": 2, "optimizer": {"name": "adam", "lr": 1e-3, "betas": [0.9, 0.999]}})
    assert trial_id(long, "f") == trial_id(trial(train={"epochs": 2, "optimizer": "adam"}), "f")


def test_what_varies_reaches_every_trial() -> None:
    plain = study().model_dump(mode="json", exclude_unset=True)
    plain["factors"] = {"chance": {"path": "vary", "levels": [["split"], ["order", "init"]]}}
    trials = expand(StudySpec.model_validate(plain), lambda _: "f")
    assert [t.spec.vary for t in trials[:1]] == [("split",)]
    assert {t.cell[0][1]: t.spec.vary for t in trials} == {"split": ("split",), "order init": ("init", "order")}
    assert len({t.trial_id for t in trials}) == len(trials)
