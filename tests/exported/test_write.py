"""Checkpoints exported, and run by onnxruntime alone: each network, each normalisation, networks of one's own."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from paribus.cli.export import sentences
from paribus.data.fingerprint import fingerprint
from paribus.data.normalise import Normalisation, apply
from paribus.data.sources import load_dataset
from paribus.errors import CheckpointError, DataError, ImportRefused, ParibusError
from paribus.exported import session, write
from paribus.exported.write import export
from paribus.models.build import build
from paribus.models.catalogue import USUAL_INPUT
from paribus.predicting import predict
from paribus.record import Rule
from paribus.spec import NpzData, TrialSpec
from paribus.training.checkpoint import Description, SavedScore, keep_rule, load, save
from paribus.validate import validate

EEG, IMAGE = {"source": "npz", "path": "gone.npz"}, {"source": "folder", "path": "gone"}


def normalisation(name: Any, axis: Any, n: int) -> Normalisation:
    if name in ("none", "example"):
        return Normalisation(name, axis)
    return Normalisation(name, axis, tuple(100.0 + i for i in range(n)), tuple(50.0 + i / 3 for i in range(n)))


def saved(
    folder: Path,
    model: dict,
    shape: tuple[int, int, int],
    norm: Any = "train",
    content: str = "",
    data: dict | None = None,
    dtype: str = "",
    **train: Any,
) -> Path:
    """A checkpoint of a network with weights and running statistics that were drawn."""
    eeg = shape[0] == 1 and model["name"] in ("eegnet", "deepconvnet")
    spec = validate(TrialSpec, {"data": data or (EEG if eeg else IMAGE), "model": model, "train": train})
    axis, n = ("row", shape[1]) if eeg else ("channel", shape[0])
    torch.manual_seed(0)
    network = build(spec.model, shape, 3)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
    description = Description(
        trial_id="t",
        spec=spec,
        fingerprint=content,
        epoch=1,
        input_shape=shape,
        class_names=("left", "right", "none"),
        kind="eeg" if eeg else "image",
        normalisation=normalisation(norm, axis, n),
        threads=1,
        test=SavedScore(1, 0.5, 0.5, ""),
        dtype=dtype,
    )
    return save(folder, description, network.state_dict())


def by_onnxruntime(path: Path, x: np.ndarray) -> list[np.ndarray]:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"x": x})


NETWORKS = [
    ({"name": "eegnet", "activation": "gelu"}, (1, 3, 64), "example"),
    ({"name": "deepconvnet", "activation": "elu"}, (1, 2, 80), "train"),
    ({"name": "simple_cnn", "activation": "silu"}, (3, 9, 11), "example"),
    ({"name": "resnet18"}, (1, 17, 16), "fixed"),
    ({"name": "face_cnn"}, (1, 16, 16), "none"),
    ({"name": "face_cnn_large"}, (3, 16, 16), "train"),
    ({"name": "dnn", "widths": [8]}, (1, 6, 5), "first_example"),
    ({"name": "logistic"}, (3, 4, 4), "train"),
]


@pytest.mark.parametrize(("model", "shape", "norm"), NETWORKS, ids=lambda value: str(value)[:24])
def test_every_network_and_normalisation(model: dict, shape: tuple[int, int, int], norm: str, tmp_path: Path) -> None:
    """Raw examples through onnxruntime, against the plain network in PyTorch on examples that numpy normalised."""
    checkpoint, path = saved(tmp_path, model, shape, norm), tmp_path / "m.onnx"
    found = export(checkpoint, path)
    assert found.difference.probability < 1e-5
    assert found.difference.n_named == 0
    rng, is_eeg = np.random.default_rng(1), found.about.kind == "eeg"
    x: Any = rng.normal(100, 40, size=(9, *shape)).astype(np.float32)
    x[0, :, 0] = 7.3  # a channel, or a row, that is constant
    x = x if is_eeg else x.clip(0, 255).astype(np.uint8)
    x[1] = 77  # an example that is constant
    description, network = load(checkpoint)
    with torch.no_grad():
        expected = network(torch.from_numpy(apply(x, description.normalisation)))
    logits, probabilities = by_onnxruntime(path, x)
    assert np.allclose(logits, expected.numpy(), rtol=1e-4, atol=1e-4)
    assert np.allclose(probabilities, torch.softmax(expected, 1).numpy(), atol=1e-5)
    assert b"/src/" not in path.read_bytes(), "it tells of this machine's files"
    onnx.checker.check_model(path, full_check=True)


def test_no_network_is_left_out() -> None:
    assert {model["name"] for model, _, _ in NETWORKS} == set(USUAL_INPUT)


def test_bf16_is_held_against_float32_and_predict_names_by_the_rule(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path, {"name": "dnn", "widths": [32]}, (1, 6, 6), precision="bf16")
    keep_rule(checkpoint, Rule("thresholds", np.array([2.0, 0.0, 0.0])))
    found = export(checkpoint, tmp_path / "m.onnx")
    assert found.bf16 is not None
    assert found.difference.probability < 1e-5 < found.bf16.probability < 0.1
    told = " ".join(sentences(found))
    assert "Checked on noise, since its data are not to be had: data.path must be a folder" in told
    assert "on 64 examples of noise" in told
    assert f"predicts in bf16: probabilities differ from those in bf16 by at most {found.bf16.probability:.2g}" in told
    x = np.random.default_rng(0).integers(0, 256, (300, 1, 6, 6))
    np.save(tmp_path / "x.npy", x)
    ours, theirs = predict(checkpoint, tmp_path / "x.npy"), predict(tmp_path / "m.onnx", tmp_path / "x.npy")
    assert (theirs.rule, theirs.class_names, theirs.examples) == (ours.rule, ours.class_names, ours.examples)
    assert np.allclose(ours.probabilities, theirs.probabilities, atol=0.1), "ours are of bf16"
    assert np.array_equal(theirs.named, (np.log(theirs.probabilities) + np.array([2, 0, 0])).argmax(axis=1))
    assert not np.array_equal(theirs.named, theirs.probabilities.argmax(axis=1)), "the rule matters"
    np.save(tmp_path / "half.npy", x + 0.5)
    with pytest.raises(DataError, match=r"300 examples hold values that .*m\.onnx does not take.*from 0 to 255"):
        predict(tmp_path / "m.onnx", tmp_path / "half.npy")


# ---------------------------------------------------------------- networks of one's own

OWN = """\
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, input_shape, n_classes, way):
        super().__init__()
        self.way, self.linear = way, nn.Linear(input_shape[0] * input_shape[1] * input_shape[2], n_classes)

    def forward(self, x):
        x = x.flatten(1)
        if self.way == "batch":
            x = x - x.mean(0)
        if self.way == "chance":
            x = x + torch.randn_like(x)
        if self.way == "branch" and x.sum() > 0:
            x = -x
        return self.linear(x)
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_export_net.py").write_text(OWN)
    return tmp_path


def own_checkpoint(folder: Path, way: str) -> Path:
    return saved(folder, {"name": "own_export_net:Net", "args": {"way": way}}, (1, 4, 4))


def test_a_network_of_ones_own_needs_consent(own: Path) -> None:
    checkpoint = own_checkpoint(own, "plain")
    with pytest.raises(ImportRefused):
        export(checkpoint, own / "m.onnx")
    found = export(checkpoint, own / "m.onnx", allow_import=True)
    assert found.difference.probability < 1e-5
    np.save(own / "x.npy", np.ones((2, 1, 4, 4), np.uint8))
    assert predict(own / "m.onnx", own / "x.npy").probabilities.shape == (2, 3), "no code, so no consent"


@pytest.mark.parametrize(
    ("way", "says"),
    [
        ("batch", "is not written: in batches of 1 .*must not depend on the rest of its batch"),
        ("chance", "is not written: .*nor on chance"),
        ("branch", "cannot be exported"),
    ],
)
def test_what_is_refused_leaves_no_file(own: Path, way: str, says: str, capfd: pytest.CaptureFixture[str]) -> None:
    checkpoint = own_checkpoint(own, way)
    before = sorted(own.iterdir())
    with pytest.raises(CheckpointError, match=says) as caught:
        export(checkpoint, own / "m.onnx", allow_import=True)
    assert len(str(caught.value)) < 1000
    assert capfd.readouterr().err == ""
    assert [path for path in sorted(own.iterdir()) if path.name != "__pycache__"] == before


# ---------------------------------------------------------------- data, places, the extra


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    return saved(tmp_path, {"name": "logistic"}, (1, 8, 8))


def test_on_data_that_have_moved(eeg_file: Path, tmp_path: Path) -> None:
    """EEG of the test part; an error where the data that are named are others."""
    content = fingerprint(load_dataset(NpzData(source="npz", path=str(eeg_file))))
    checkpoint, path = saved(tmp_path, {"name": "eegnet"}, (1, 2, 96), content=content), tmp_path / "m.onnx"
    found = export(checkpoint, path, data_path=str(eeg_file))
    assert (found.n, found.missing, found.dtype) == (20, "", "float32")
    ours, theirs = predict(checkpoint, eeg_file), predict(path, eeg_file)
    assert len(theirs.examples) == 60
    assert np.allclose(ours.probabilities, theirs.probabilities, atol=1e-6)
    arrays = dict(np.load(eeg_file))
    np.savez(tmp_path / "others.npz", **{**arrays, "x": arrays["x"] + 1})
    with pytest.raises(CheckpointError, match=r"are not those that .* --data-path, or leave it out"):
        export(checkpoint, path, data_path=str(tmp_path / "others.npz"))


def test_the_type_of_input_does_not_hang_on_whether_data_are_at_hand(tmp_path: Path) -> None:
    """As arrays, images may be uint8 or float32; a checkpoint that does not say which needs its data."""
    here, path = tmp_path / "images.npz", tmp_path / "m.onnx"
    np.savez(here, x=(np.arange(900) % 256).astype(np.uint8).reshape(30, 1, 6, 5), y=np.arange(30) % 3, kind="image")
    content = fingerprint(load_dataset(NpzData(source="npz", path=str(here))))

    def images(dtype: str) -> Path:
        gone = {"source": "npz", "path": str(tmp_path / "gone.npz")}
        return saved(tmp_path / f"of {dtype}", {"name": "logistic"}, (1, 6, 5), content=content, data=gone, dtype=dtype)

    found = [export(images("uint8"), path, data_path=data_path) for data_path in (str(here), None)]
    assert [(one.dtype, bool(one.missing)) for one in found] == [("uint8", False), ("uint8", True)]
    assert export(images("float32"), path).dtype == "float32"
    with pytest.raises(CheckpointError, match=r"did not note whether its images are uint8 or float32.*--data-path"):
        export(images(""), path)


def test_places_that_will_not_do(digits: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="elsewhere does not exist"):
        export(digits, tmp_path / "m.onnx", data_path=str(tmp_path / "elsewhere"))
    with pytest.raises(CheckpointError, match=r"must end in \.onnx"):
        export(digits, tmp_path / "m.pt")


def test_a_network_too_large_for_one_file(digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "LARGEST", 100)
    with pytest.raises(CheckpointError, match="less than 2 GB"):
        export(digits, tmp_path / "m.onnx")


def test_without_the_extra(digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "find_spec", lambda name: None if name == "onnxscript" else 1)
    with pytest.raises(ParibusError, match=r"onnxscript: pip install 'paribus\[export\]'"):
        export(digits, tmp_path / "m.onnx")
