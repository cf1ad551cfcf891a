"""Checkpoints that are damaged, or do not fit their description."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from paribus.data.normalise import Normalisation
from paribus.errors import CheckpointError
from paribus.models.build import build
from paribus.spec import TrialSpec
from paribus.training.checkpoint import Description, SavedScore, load, save
from paribus.validate import validate


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    spec = validate(TrialSpec, {"data": {"source": "digits"}, "model": {"name": "eegnet"}})
    description = Description(
        trial_id="t",
        spec=spec,
        fingerprint="f",
        epoch=3,
        input_shape=(1, 2, 64),
        class_names=("left", "right"),
        kind="eeg",
        normalisation=Normalisation("train", "row", (0.1, 0.2), (1.0, 2.0)),
        threads=1,
        test=SavedScore(n=4, accuracy=0.5, loss=0.7, logits_sha256="0"),
    )
    torch.manual_seed(0)
    return save(tmp_path, description, build(spec.model, (1, 2, 64), 2).state_dict())


def change(path: Path, **changes: object) -> None:
    meta = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps(meta | changes))


def test_round_trip(saved: Path) -> None:
    for path in (saved, saved.with_suffix(".json"), saved.with_suffix("")):
        description, model = load(path)
        assert description.class_names == ("left", "right")
        assert description.normalisation == Normalisation("train", "row", (0.1, 0.2), (1.0, 2.0))
        assert not model.training
        weights = load_file(saved)
        assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_weights_that_do_not_fit_their_json(saved: Path) -> None:
    change(saved, class_names=["a", "b", "c"])
    with pytest.raises(CheckpointError, match=r"`classify.bias` must have shape \(3,\), has \(2,\)"):
        load(saved)


def test_weights_of_another_network(saved: Path) -> None:
    weights = load_file(saved)
    weights["extra"] = weights.pop("classify.bias")
    save_file(weights, saved)
    with pytest.raises(CheckpointError, match=r"`classify.bias` must have shape \(2,\), has none"):
        load(saved)


def test_changed_weights_are_noticed(saved: Path) -> None:
    weights = load_file(saved)
    weights["classify.bias"] += 1
    save_file(weights, saved)
    with pytest.raises(CheckpointError, match="its content has changed"):
        load(saved)


def test_damaged_files(saved: Path) -> None:
    whole = saved.read_bytes()
    for content in (b"", b"\xff" * 64, whole[:-10], (10**15).to_bytes(8, "little") + whole[8:]):
        saved.write_bytes(content)
        with pytest.raises(CheckpointError, match="damaged"):
            load(saved)
    saved.unlink()
    with pytest.raises(CheckpointError, match="cannot read the weights"):
        load(saved)


@pytest.mark.parametrize("text", ["", "[", "[]", "{}", '{"checkpoint_version": 1}', '{"checkpoint_version": "1"}'])
def test_descriptions_that_are_none(saved: Path, text: str) -> None:
    saved.with_suffix(".json").write_text(text)
    with pytest.raises(CheckpointError, match="is not a checkpoint's description"):
        load(saved)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"checkpoint_version": 2}, "upgrade paribus"),
        ({"input_shape": [1, 2]}, "not a checkpoint's description"),
        ({"input_shape": [1, -2, 64]}, "not a checkpoint's description"),
        ({"threads": 0}, "not a checkpoint's description"),
        ({"class_names": "ab"}, "not a checkpoint's description"),
        ({"class_names": ["a", "a"]}, "not a checkpoint's description"),
        ({"class_names": ["right", "left"]}, "has changed since it was saved"),
        ({"weights_sha256": None}, "its content has changed"),
        ({"input_shape": [1, 2, 3]}, "too short for EEGNet"),
        ({"spec": {"model": {}}}, "not a checkpoint's description"),
        ({"normalisation": {"name": "x"}}, "not a checkpoint's description"),
        ({"test": {"n": 1}}, "not a checkpoint's description"),
    ],
)
def test_descriptions_that_are_wrong(saved: Path, changes: dict, says: str) -> None:
    change(saved, **changes)
    with pytest.raises(CheckpointError, match=says):
        load(saved)


def test_no_checkpoint_here(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint here"):
        load(tmp_path / "none.safetensors")
