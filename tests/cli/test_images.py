"""A study of a folder of images, as a person does it: look, plan, run, report, evaluate, predict."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PARIBUS = str(Path(sys.executable).with_name("paribus"))


def paribus(*arguments: str | Path, cwd: Path, code: int = 0) -> str:
    result = subprocess.run([PARIBUS, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=300)
    assert result.returncode == code, f"{result.stdout}\n{result.stderr}"
    assert "Traceback" not in result.stderr
    return result.stdout + result.stderr


STUDY = """\
name: letters
question: Does a flip help?
baseline:
  data: {source: folder, path: my images, drop: [cross_split_duplicates]}
  model: {name: "own_net:Net", args: {width: 8}}
  train: {epochs: 2, batch_size: 16}
factors:
  flip: {levels: {none: {train.augmentation: []}, flipped: {train.augmentation: [horizontal_flip]}}}
seeds: 1
"""
NETWORK = """\
from torch import nn

def Net(input_shape, n_classes, width):
    channels, height, columns = input_shape
    return nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.Flatten(),
                         nn.Linear(width * height * columns, n_classes))
"""


@pytest.fixture(autouse=True)
def own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The study's network is the person's own."""
    monkeypatch.setenv("PARIBUS_ALLOW_IMPORT", "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, random = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for part, n in (("train", 30), ("test", 10)):
        for label, name in enumerate(("dark", "light")):
            for i in range(n):
                pixels = (random.normal(size=(10, 10, 3)) * 40 + 60 + 120 * label).clip(0, 255).astype(np.uint8)
                path = root / "my images" / part / name / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    copy = root / "my images" / "train" / "dark" / "copy.png"
    copy.write_bytes((root / "my images" / "test" / "dark" / "0.png").read_bytes())
    (root / "study.yaml").write_text(STUDY)
    (root / "own_net.py").write_text(NETWORK)
    return root


def test_from_a_folder_to_predictions(folder: Path) -> None:
    told = paribus("data", "audit", "my images", cwd=folder)
    assert "1 of 20 test examples also stands in training" in told
    assert "train/dark/copy.png" in told
    paribus("data", "preview", "study.yaml", cwd=folder)
    with Image.open(folder / "letters-preview.png") as sheet:
        assert sheet.size[0] > 200
    told = paribus("run", "study.yaml", "--jobs", "2", cwd=folder)
    assert "[2/2]" in told
    page = (folder / "runs" / "letters" / "report" / "index.html").read_text()
    for words in (
        "with exact copies in validation or test",
        "1 of 20 test examples also stands in training",
        "own_net:Net",
    ):
        assert words in page
    weights = next((folder / "runs" / "letters" / "checkpoints").glob("*.safetensors"))
    assert "identical to the stored ones" in paribus("evaluate", weights, cwd=folder)
    paribus("predict", weights, "my images/test/light", "--csv", "out.csv", cwd=folder)
    rows = list(csv.DictReader((folder / "out.csv").read_text().splitlines()))
    assert len(rows) == 10
    assert sum(row["class"] == "light" for row in rows) >= 8
    assert [row["example"] for row in rows] == sorted(f"{i}.png" for i in range(10))
    # The network's file is part of a trial: edited, all is to be run again.
    assert "2 done" in paribus("plan", "study.yaml", cwd=folder)
    (folder / "own_net.py").write_text(NETWORK + "\n# edited\n")
    assert "0 done" in paribus("plan", "study.yaml", cwd=folder)
    for command in (["evaluate", weights], ["predict", weights, "my images/test/light"]):
        assert "the source of own_net:Net has changed since this was trained" in paribus(*command, cwd=folder, code=2)


def test_mistakes_in_words(folder: Path) -> None:
    told = paribus("plan", "study.yaml", "--check", "--set", "model.args={wdth: 3}", cwd=folder, code=2)
    assert "wdth" in told
    told = paribus(
        "plan",
        "study.yaml",
        "--check",
        "--set",
        "factors={}",
        "--set",
        "train.augmentation=[sign_flip]",
        cwd=folder,
        code=2,
    )
    assert "sign_flip is for EEG" in told
    told = paribus("run", "study.yaml", "--set", "data.path=nowhere", cwd=folder, code=2)
    assert "does not exist" in told
