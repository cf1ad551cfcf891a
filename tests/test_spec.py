"""Specifications and their JSON Schema."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from paribus.errors import StudyError
from paribus.spec import STREAMS, Preparation, RunSpec, StudySpec, TrialSpec
from paribus.validate import validate


def test_frozen() -> None:
    run = RunSpec(out="x")
    with pytest.raises(ValidationError, match="frozen"):
        run.out = "y"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("30s", "30s"), ("5m", "300s"), ("1.5h", "5400s"), ("0.5s", "0.5s"), ("10", "10"), ("never", "never")],
)
def test_how_often_a_state_is_kept(given: str, kept: str) -> None:
    assert validate(RunSpec, {"out": "x", "checkpoint_every": given}).checkpoint_every == kept


@pytest.mark.parametrize("given", ["often", "0", "-5s", "5x", ""])
def test_how_often_no_state_is_kept(given: str) -> None:
    with pytest.raises(StudyError, match="must be a time, as 30s, 5m or 2h, a number of epochs, as 10, or never"):
        validate(RunSpec, {"out": "x", "checkpoint_every": given})


def test_json_round_trip() -> None:
    plain = {
        "data": {"source": "aeon", "name": "X", "normalise": {"name": "fixed", "mean": [1.0, 2.0], "std": 3.0}},
        "model": {"name": "eegnet", "max_norm": {}},
        "train": {"optimizer": {"name": "sgd"}, "schedule": "one_cycle", "early_stop": {}},
    }
    spec = validate(TrialSpec, plain)
    assert TrialSpec.model_validate_json(spec.model_dump_json()) == spec
    assert validate(TrialSpec, json.loads(spec.model_dump_json())) == spec
    assert hash(spec) == hash(validate(TrialSpec, plain))


def test_origin_forgets_preparation_only() -> None:
    data = validate(
        TrialSpec,
        {
            "data": {"source": "digits", "test": 0.3, "validation": 0.5, "normalise": "none", "split_by_group": True},
            "model": {"name": "eegnet"},
        },
    ).data
    origin = data.origin()
    kept = {key: getattr(origin, key) for key in Preparation.model_fields}
    assert kept == {**dict(Preparation()), "split_by_group": True}, "which has a say in the test part"
    assert origin.test == 0.3


def test_schema_knows_the_short_forms() -> None:
    schema = StudySpec.model_json_schema()
    assert {"type": "integer"} in schema["properties"]["seeds"]["anyOf"]
    optimizer = schema["$defs"]["TrainSpec"]["properties"]["optimizer"]["anyOf"]
    assert {"enum": ["adam", "adamw", "sgd"], "type": "string"} in optimizer
    assert schema["additionalProperties"] is False


def study_with(seeds: Any, **baseline: Any) -> StudySpec:
    plain = {"data": {"source": "digits"}, "model": {"name": "simple_cnn"}, **baseline}
    return validate(StudySpec, {"name": "s", "question": "?", "baseline": plain, "seeds": seeds})


def test_seeds_that_only_some_uses_of_chance_follow() -> None:
    found = study_with({"n": 3, "vary": ["order", "init"]})
    assert found.seeds == (0, 1, 2)
    assert found.baseline.vary == ("init", "order")
    assert study_with({"n": [4, 7], "vary": ["split"]}).seeds == (4, 7)
    assert study_with(3).baseline.vary == STREAMS
    again = StudySpec.model_validate_json(found.model_dump_json())
    assert again == found


@pytest.mark.parametrize(
    ("seeds", "baseline", "message"),
    [
        ({"n": 3}, {}, "has `n` .* and `vary`, got n"),
        ({"n": 3, "vary": ["init"], "hold": 1}, {}, "has `n` .* and `vary`, got n, vary, hold"),
        ({"n": 3, "vary": ["init"]}, {"vary": ["split"]}, "seeds.vary: give either this or baseline.vary"),
        ({"n": 3, "vary": ["inti"]}, {}, "seeds.vary: `inti` is not known; did you mean `init`"),
        ({"n": 3, "vary": []}, {}, r"seeds\.vary: must be a list of split, "),
        ({"n": 3, "vary": ["init", "init"]}, {}, "streams must be distinct"),
        ({"n": 0, "vary": ["init"]}, {}, "a count of seeds is from 1"),
    ],
)
def test_seeds_that_cannot_be(seeds: Any, baseline: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        study_with(seeds, **baseline)


@pytest.mark.parametrize(
    ("data", "train", "message"),
    [
        ({"folds": 5}, {}, r"train\.refit: data\.folds needs"),
        ({"folds": 5}, {"refit": "all", "early_stop": {}}, r"train\.early_stop: cannot stand with data\.folds"),
        ({"folds": 1}, {"refit": "all"}, "at least 2"),
        ({"folds": "group"}, {"refit": "all"}, "whole number or `groups`, got"),
    ],
)
def test_folds_that_cannot_be(data: dict[str, Any], train: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        study_with(3, data={"source": "digits", **data}, train=train)
