"""Frames of a stored run."""

from pathlib import Path

import pytest

import paribus
from conformance.build import make_failure, make_planned, make_records, make_study
from paribus.plan import STORE
from paribus.store.sql import open_store


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    run = tmp_path_factory.mktemp("run")
    study = make_study()
    planned = make_planned(study)
    records = make_records(planned[:-1], [0.7, 0.75, 0.7, 0.9, 0.95])
    with open_store(Path(run) / STORE, create=True) as store:
        store.add_study(study, planned, "paribus run")
        for record in records:
            store.add(record)
        store.add(make_failure(planned[-1].trial_id, spec=planned[-1].spec))
    return paribus.analyse(str(run))


def test_trials(results):
    frame = results.trials
    assert list(frame["activation"]) == ["relu"] * 3 + ["elu"] * 3
    assert list(frame["seed"]) == [0, 1, 2, 0, 1, 2]
    assert list(frame["state"]) == ["finished"] * 5 + ["failed"]
    assert frame["accuracy"].tolist()[:5] == pytest.approx([0.7, 0.75, 0.7, 0.9, 0.95])
    assert frame["accuracy"].isna().tolist() == [False] * 5 + [True]
    assert frame["failure"].iloc[-1]
    assert {"cohens_kappa", "auroc", "temperature", "optimism"} <= set(frame)


def test_epochs(results):
    frame = results.epochs
    assert len(frame) == 15
    assert frame.groupby("trial")["selected"].sum().tolist() == [1] * 5
    assert frame["test_accuracy"].iloc[2] == pytest.approx(0.7)


def test_predictions(results):
    frame = results.predictions
    assert len(frame) == 5 * (40 + 20)
    test = frame[frame["part"] == "test"]
    by_trial = test.groupby(["cell", "seed"])["right"].mean()
    assert by_trial["relu", 1] == pytest.approx(0.75)
    assert (test["right"] == (test["true"].astype(str) == test["predicted"].astype(str))).all()
    assert (test.loc[test["right"], "probability"] == test.loc[test["right"], "probability_of_true"]).all()
    assert test["probability"].between(0.5, 1).all()


def test_comparisons(results):
    (row,) = results.comparisons.to_dict("records")
    assert (row["level"], row["against"], row["n_seeds"]) in {("elu", "relu", 2), ("relu", "elu", 2)}
    assert abs(row["difference"]) == pytest.approx(0.2)
    assert row["low"] < row["difference"] < row["high"]
    assert row["sentence"] == results.result.comparisons[0].sentence


def test_what_a_notebook_shows(results):
    html = results._repr_html_()
    assert html.count("<tr>") == 3
    assert "Provisional: 5 of 6 trials finished and 1 failed." in html
    assert "Does ELU do better than ReLU?" in repr(results)


def test_names_are_escaped(tmp_path):
    study = make_study(question="<script>alert(1)</script>", factors={})
    planned = make_planned(study)
    with open_store(tmp_path / STORE, create=True) as store:
        store.add_study(study, planned, "")
        for record in make_records(planned, [0.7] * 3):
            store.add(record)
    assert "<script>" not in paribus.analyse(tmp_path)._repr_html_()


def test_no_run(tmp_path):
    with pytest.raises(paribus.ParibusError, match="holds no run"):
        paribus.analyse(tmp_path)


def test_factors_that_are_named_as_columns_keep_their_levels(tmp_path):
    study = make_study(
        factors={
            "lr": {"path": "train.optimizer.lr", "levels": [0.001, 0.01]},
            "trial": {"path": "model.activation", "levels": ["relu", "elu"]},
            "true": {"path": "train.batch_size", "levels": [16, 32]},
        },
        seeds=1,
    )
    planned = make_planned(study)
    with open_store(tmp_path / STORE, create=True) as store:
        store.add_study(study, planned, "")
        for record in make_records(planned, [0.7] * 8):
            store.add(record)
    found = paribus.analyse(tmp_path)
    assert set(found.trials["state"]) == {"finished"}
    assert set(found.epochs["factor_lr"]) == {"0.001", "0.01"}
    assert set(found.epochs["lr"]) == {0.001}
    assert set(found.predictions["factor_trial"]) == {"relu", "elu"}
    assert set(found.predictions["factor_true"]) == {"16", "32"}
