"""Specifications and their JSON Schema."""

import json

import pytest
from pydantic import ValidationError

from paribus.spec import Preparation, RunSpec, StudySpec, TrialSpec
from paribus.validate import validate


def test_frozen() -> None:
    run = RunSpec(out="x")
    with pytest.raises(ValidationError, match="frozen"):
        run.out = "y"


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
            "data": {"source": "digits", "test": 0.3, "validation": 0.5, "normalise": "none"},
            "model": {"name": "eegnet"},
        },
    ).data
    origin = data.origin()
    assert {key: getattr(origin, key) for key in Preparation.model_fields} == dict(Preparation())
    assert origin.test == 0.3


def test_schema_knows_the_short_forms() -> None:
    schema = StudySpec.model_json_schema()
    assert {"type": "integer"} in schema["properties"]["seeds"]["anyOf"]
    optimizer = schema["$defs"]["TrainSpec"]["properties"]["optimizer"]["anyOf"]
    assert {"enum": ["adam", "adamw", "sgd"], "type": "string"} in optimizer
    assert schema["additionalProperties"] is False
