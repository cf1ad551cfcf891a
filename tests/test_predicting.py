"""Examples that do not fit a network are refused, by a checkpoint as by an exported file."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import paribus
from paribus.cli.main import app
from paribus.errors import DataError
from paribus.exported.write import export
from paribus.predicting import predict


def trained(tmp_path: Path, data: str) -> list[Path]:
    """A checkpoint of logistic regression on 8 x 8 grey images, and what is exported of it."""
    study = tmp_path / "study.yaml"
    study.write_text(
        "name: units\nquestion: Which units?\nseeds: 1\n"
        f"baseline: {{data: {data}, model: {{name: logistic}}, train: {{epochs: 1}}}}\n"
    )
    paribus.run_study(paribus.load_study(study), paribus.RunSpec(out=tmp_path / "run"))
    (checkpoint,) = (tmp_path / "run" / "checkpoints").rglob("*.safetensors")
    export(checkpoint, tmp_path / "model.onnx")
    return [checkpoint, tmp_path / "model.onnx"]


def test_image_files_are_not_of_the_units_of_other_data(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 9, np.uint8)).save(tmp_path / "nine.png")
    np.save(tmp_path / "nine.npy", np.full((1, 1, 8, 8), 9, np.uint8))
    for network in trained(tmp_path, "{source: digits}"):
        with pytest.raises(DataError, match=r"from 0 to 255, and .* was trained on other values"):
            predict(network, tmp_path / "nine.png")
        assert len(predict(network, tmp_path / "nine.npy").examples) == 1
        for name in ("no_such_folder", "no_such.npz", "no_such.png"):
            with pytest.raises(DataError, match=f"{name} does not exist"):
                predict(network, tmp_path / name)


def test_shares_of_white_are_not_pixels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (100, 1, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "data.npz", x=x, y=np.arange(100) % 2)
    np.save(tmp_path / "shares.npy", (x[:2] / 255).astype(np.float32))
    np.save(tmp_path / "pixels.npy", x[:2].astype(np.float32))
    for network in trained(tmp_path, f"{{source: npz, path: {tmp_path / 'data.npz'}}}"):
        with pytest.raises(DataError, match="whole numbers from 0 to 255"):
            predict(network, tmp_path / "shares.npy")
        assert len(predict(network, tmp_path / "pixels.npy").examples) == 2


def test_a_file_that_says_it_was_recorded_otherwise(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(100, 3, 8)).astype(np.float32)

    def saved(name: str, **fields: object) -> Path:
        np.savez(tmp_path / f"{name}.npz", x=x, y=np.arange(100) % 2, **fields)
        return tmp_path / f"{name}.npz"

    data = saved("data", channel_names=np.array(["C3", "Cz", "C4"]), sfreq_hz=128.0)
    for network in trained(tmp_path, f"{{source: npz, path: {data}}}"):
        with pytest.raises(DataError, match=r"number 0 .* is `C4` where it was `C3`: put them in the order C3, Cz, C4"):
            predict(network, saved("turned", channel_names=np.array(["C4", "Cz", "C3"])))
        with pytest.raises(DataError, match="that of training, 128 Hz, got 256 Hz"):
            predict(network, saved("faster", sfreq_hz=256))
        for fits in (data, saved("says_nothing"), saved("capitals", channel_names=np.array(["c3", "CZ", "c4"]))):
            assert len(predict(network, fits).examples) == 100


def test_other_units_are_told_where_nothing_refuses_them(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(30, 20, (100, 8, 8)).astype(np.float32)  # microvolts
    np.savez(tmp_path / "data.npz", x=x, y=np.arange(100) % 2, kind="eeg")
    checkpoint, _ = trained(tmp_path, f"{{source: npz, path: {tmp_path / 'data.npz'}}}")
    for factor, told in ((1.0, ""), (3.0, ""), (1e-6, "times less"), (1e3, "times more")):
        np.save(tmp_path / "new.npy", x[:9] * factor)
        doubt = predict(checkpoint, tmp_path / "new.npy").doubt
        assert told in doubt
        assert bool(told) == bool(doubt)
    np.save(tmp_path / "flat.npy", np.zeros((1, 8, 8)))
    assert not predict(checkpoint, tmp_path / "flat.npy").doubt
    done = CliRunner().invoke(app, ["predict", str(checkpoint), str(tmp_path / "data.npz")])
    assert "same units" not in done.output
    done = CliRunner().invoke(app, ["predict", str(checkpoint), str(tmp_path / "new.npy")])
    assert "times more than those of training: are they in the same units?" in " ".join(done.output.split())
