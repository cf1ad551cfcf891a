"""Checkpoints that are damaged, or do not fit their description."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from conformance.checkpoints import make_description
from paribus.data.normalise import Normalisation
from paribus.errors import CheckpointError, ImportRefused
from paribus.models.build import build
from paribus.spec import TrialSpec
from paribus.training.checkpoint import (
    LARGEST_DESCRIPTION,
    _digest,
    check,
    load,
    save,
    write_atomically,
)
from paribus.validate import validate


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    spec = validate(TrialSpec, {"data": {"source": "digits"}, "model": {"name": "eegnet"}})
    description = make_description(spec, (1, 2, 64))
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
        ({"dtype": "int8"}, "dtype must be uint8 or float32"),
    ],
)
def test_descriptions_that_are_wrong(saved: Path, changes: dict, says: str) -> None:
    change(saved, **changes)
    with pytest.raises(CheckpointError, match=says):
        load(saved)


def test_no_checkpoint_here(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint here"):
        load(tmp_path / "none.safetensors")


def test_a_place_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match=r"cannot write .*choose another place"):
        write_atomically(tmp_path / "file" / "x", b"")


# ---------------------------------------------------------------- of strangers, who can sign what they like


def signed(path: Path, **changes: object) -> None:
    """As `change`, with digests that are right again."""
    change(path, **changes)
    meta = json.loads(path.with_suffix(".json").read_text())
    plain = {key: value for key, value in meta.items() if key not in ("rule", "weights_sha256")}
    save_file(load_file(path), path, metadata={"description_sha256": _digest(plain)})
    meta["weights_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(meta))


def spec_with(**model: object) -> dict[str, object]:
    spec = validate(TrialSpec, {"data": {"source": "digits"}, "model": model})
    return spec.model_dump(mode="json")


def test_a_signed_change_is_taken(saved: Path) -> None:
    signed(saved, class_names=["right", "left"])
    assert load(saved)[0].class_names == ("right", "left")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"spec": spec_with(name="dnn", widths=[10**9, 10**9])}, "do not fit the network"),
        ({"spec": spec_with(name="dnn", widths=[2**62])}, r"t\.json"),
        ({"input_shape": [1, 10**9, 10**9]}, r"t\.json"),
        ({"input_shape": [1, float("inf"), 2]}, "is not a checkpoint's description"),
        ({"input_shape": [1, 10**400, 2]}, r"t\.json"),
        ({"epoch": float("nan")}, "is not a checkpoint's description"),
        ({"trial_id": "../../elsewhere"}, "trial_id must be letters and digits"),
        ({"trial_id": "a/b"}, "trial_id must be letters and digits"),
        ({"trial_id": 5}, "is not a checkpoint's description"),
        ({"test": {"n": 1, "accuracy": "x", "loss": 1, "logits_sha256": ""}}, "is not a checkpoint's description"),
        ({"normalisation": {"name": "train", "axis": "row", "mean": [1e999], "std": [1]}}, "must be finite"),
    ],
)
def test_signed_lies(saved: Path, changes: dict, says: str) -> None:
    """No memory is taken for what only a description asks for."""
    signed(saved, **changes)
    with pytest.raises(CheckpointError, match=says):
        load(saved)


def test_a_network_not_of_paribus_needs_consent(saved: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "theirs.py").write_text("from pathlib import Path\nPath('RAN').touch()\n")
    signed(saved, spec=spec_with(name="theirs:Net"))
    with pytest.raises(ImportRefused, match=r"theirs:Net.*imports theirs.*allow_import=True"):
        load(saved)
    assert check(saved).spec.model.name == "theirs:Net"
    assert not (tmp_path / "RAN").exists()
    with pytest.raises(CheckpointError, match="theirs has no `Net`"):
        load(saved, allow_import=True)
    assert (tmp_path / "RAN").exists()


def test_headers_of_weights_that_lie(saved: Path) -> None:
    whole = saved.read_bytes()
    size = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + size])
    name = "classify.bias"
    for lie in (
        {"shape": [2**40]},
        {"shape": [2**40, 2**40]},
        {"data_offsets": [0, 2**60]},
        {"data_offsets": [8, 0]},
        {"dtype": "F999"},
        {"shape": [-1]},
    ):
        text = json.dumps({**header, name: {**header[name], **lie}}).encode()
        saved.write_bytes(len(text).to_bytes(8, "little") + text + whole[8 + size :])
        with pytest.raises(CheckpointError, match="damaged"):
            load(saved)


def test_large_descriptions_and_weights_are_not_read(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paribus.training.checkpoint.available_memory", lambda: 100)
    with pytest.raises(CheckpointError, match="do not fit into this machine's free memory"):
        load(saved)
    with saved.with_suffix(".json").open("r+b") as file:
        file.truncate(LARGEST_DESCRIPTION + 1)
    with pytest.raises(CheckpointError, match="a description has at most"):
        load(saved)
