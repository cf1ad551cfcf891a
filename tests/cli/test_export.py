"""A trained checkpoint exported and put to use, by the installed command as a person does."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from commands import paribus

STUDY = """\
name: letters
question: Is it dark?
baseline:
  data: {source: folder, path: images, size: [9, 8]}
  model: {name: simple_cnn}
  train: {epochs: 2, batch_size: 16}
seeds: 1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, random = tmp_path_factory.mktemp("export"), np.random.default_rng(0)
    for label, name in enumerate(("dark", "light")):
        (root / "images" / name).mkdir(parents=True)
        for i in range(40):
            pixels = (random.normal(size=(12, 10, 3)) * 40 + 60 + 120 * label).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / "images" / name / f"{i}.png")
    (root / "study.yaml").write_text(STUDY)
    paribus("run", "study.yaml", "--jobs", "1", cwd=root)
    return root


@pytest.fixture(scope="module")
def checkpoint(folder: Path) -> Path:
    return next((folder / "runs" / "letters" / "checkpoints").glob("*.safetensors"))


@pytest.fixture
def without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands cannot import it, nor what writes ONNX files."""
    for name in ("torch", "onnx", "onnxscript", "safetensors"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} was imported')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH")))))


@pytest.fixture(scope="module")
def exported(folder: Path, checkpoint: Path) -> str:
    return paribus("export", checkpoint, "model.onnx", cwd=folder).stdout


def test_what_is_told(exported: str) -> None:
    assert "takes raw uint8 (N, 3, 9, 8), gives logits and probabilities of 2 classes" in exported
    assert "on 16 examples of test in batches of 1, 7 and up to 256" in exported
    assert "probabilities differ from paribus' own by at most" in exported
    assert "examples named otherwise: 0." in exported


def table(text: str) -> tuple[list[list[str]], np.ndarray]:
    """Names and classes, and the probabilities beside them."""
    rows = [line.split(",") for line in text.splitlines()[1:]]
    return [row[:2] for row in rows], np.array([row[2:] for row in rows], float)


def test_predict_says_the_same_without_torch(
    folder: Path, checkpoint: Path, exported: str, request: pytest.FixtureRequest
) -> None:
    """Images of another size than the network's, decoded and resized as from the checkpoint."""
    ours = paribus("predict", checkpoint, "images/dark", "--csv", "-", cwd=folder).stdout
    request.getfixturevalue("without_torch")
    theirs = paribus("predict", "model.onnx", "images/dark", "--csv", "-", cwd=folder).stdout
    assert theirs.splitlines()[0] == ours.splitlines()[0] == "example,class,dark,light"
    (names, probabilities), (same_names, close) = table(ours), table(theirs)
    assert len(names) == 40
    assert names == same_names
    assert np.abs(probabilities - close).max() < 2e-6, "six digits are shown"
    one = paribus("predict", "model.onnx", "images/dark/3.png", cwd=folder).stdout.splitlines()
    assert one[0].split() == ["example", "class", "dark", "light"]
    assert one[1].startswith("3.png")


def test_torch_is_really_out_of_reach(folder: Path, checkpoint: Path, without_torch: None) -> None:
    assert "torch was imported" in paribus("predict", checkpoint, "images/dark", cwd=folder, code=1).stderr


def test_clean_errors(folder: Path, checkpoint: Path, exported: str) -> None:
    content = (folder / "model.onnx").read_bytes()
    (folder / "cut.onnx").write_bytes(content[:-9])
    (folder / "none.onnx").write_bytes(checkpoint.read_bytes())
    assert "cut off or damaged" in paribus("predict", "cut.onnx", "images/dark", cwd=folder, code=2).stderr
    assert "not an ONNX file" in paribus("predict", "none.onnx", "images/dark", cwd=folder, code=2).stderr
    assert "must end in .onnx" in paribus("export", checkpoint, "model.pt", cwd=folder, code=2).stderr
    np.save(folder / "x.npy", np.zeros((2, 3, 5, 5), np.uint8))
    assert "the network takes (3, 9, 8)" in paribus("predict", "model.onnx", "x.npy", cwd=folder, code=2).stderr
