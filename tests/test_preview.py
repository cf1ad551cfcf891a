"""The contact sheet shows what training does, and says so."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from paribus.errors import TrainingError
from paribus.preview import EPOCHS, blocks, contact_sheet
from paribus.spec import StudySpec
from paribus.training.divide import divide
from paribus.training.examples import prepare
from paribus.training.loop import _batches
from paribus.validate import validate

PARIBUS = str(Path(sys.executable).with_name("paribus"))


@pytest.fixture(scope="module")
def image_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 colour images of 8 x 10 pixels, three classes, one of them rare."""
    path = tmp_path_factory.mktemp("preview") / "images.npz"
    rng = np.random.default_rng(0)
    y = np.array([0] * 30 + [1] * 25 + [2] * 5)
    x = rng.integers(0, 256, (60, 3, 8, 10), dtype=np.uint8)
    np.savez(path, x=x, y=y, class_names=np.array(["circle", "square", "Stern"]))
    return path


def study(path: Path, augmentations: dict[str, Any], **data: Any) -> StudySpec:
    levels = {name: {"train.augmentation": list(given)} for name, given in augmentations.items()}
    plain = {
        "name": "small",
        "question": "What is seen?",
        "baseline": {
            "data": {"source": "npz", "path": str(path), **data},
            "model": {"name": "logistic"},
            "train": {"batch_size": 8},
        },
        "factors": {"augmentation": {"levels": levels}, "rate": {"path": "train.optimizer.lr", "levels": [0.1, 0.2]}},
    }
    return validate(StudySpec, plain)


def test_a_block_for_each_way_to_see_the_data(image_file: Path) -> None:
    """Learning rates differ in nothing that is seen."""
    found = list(blocks(study(image_file, {"none": [], "turned": ["rotation"]}), 4, 0))
    assert [block.title for block in found] == ["augmentation none", "augmentation turned"]
    none, turned = found
    assert (none.rows, none.columns) == (("every epoch",), ("circle", "circle", "square", "Stern"))
    assert none.x.shape == (1, 4, 3, 8, 10)
    assert turned.rows == ("circle", "circle", "square", "Stern")
    assert turned.columns == ("unaugmented", *(f"epoch {i}" for i in range(1, EPOCHS + 1)))
    assert turned.x.shape == (4, 1 + EPOCHS, 3, 8, 10)
    np.testing.assert_array_equal(turned.x[:, 0], none.x[0])
    assert turned.caption[:2] == (
        "Normalisation: train.",
        "Augmentation: rotation (degrees 15.0, fill 0.0).",
    )


def test_one_block_for_a_study_that_changes_nothing_seen(image_file: Path) -> None:
    (block,) = blocks(study(image_file, {"none": []}), 4, 0)
    assert block.title == "All cells"


@pytest.mark.parametrize("sampling", ["shuffled", "class_balanced"])
def test_shows_what_training_gives_the_network(image_file: Path, sampling: str) -> None:
    """Each augmented example of the sheet is among the batches of the training loop of that epoch."""
    spec = study(image_file, {"some": ["crop", "horizontal_flip", "rotation", "contrast"]})
    train = spec.baseline.train.model_copy(update={"sampling": sampling})
    spec = spec.model_copy(update={"baseline": spec.baseline.model_copy(update={"train": train})})
    (block,) = blocks(spec, 6, 3)
    trial = _trial(spec, seed=3)
    dataset, parts = _dataset(spec), divide(trial)[0]
    examples = prepare(dataset, parts.rows["train"], parts.normalisation, torch.device("cpu"))
    for epoch in (1, 4):
        seen = torch.cat([x for x, _, _ in _batches(examples, trial, 3, epoch)]).numpy()
        keys = {x.tobytes() for x in seen}
        shown = [block.x[i, epoch].tobytes() in keys for i in range(6)]
        assert all(shown) if sampling == "shuffled" else any(shown)


def _trial(spec: StudySpec, seed: int) -> Any:
    from paribus.grid import expand

    return next(t.spec for t in expand(spec, lambda data: data.model_dump_json())).model_copy(update={"seed": seed})


def _dataset(spec: StudySpec) -> Any:
    from paribus.data.sources import load_dataset

    return load_dataset(spec.baseline.data.origin())


def test_mixup_is_shown_and_explained(image_file: Path) -> None:
    (block,) = blocks(study(image_file, {"mixup": [{"name": "mixup", "alpha": 50}]}), 3, 0)
    assert any(line.startswith("Mixup: partners are other rows") for line in block.caption)
    plain, once = block.x[:, 0], block.x[:, 1]
    for i in range(3):
        others = [j for j in range(3) if j != i]
        fits = [np.linalg.lstsq(plain[[i, j]].reshape(2, -1).T, once[i].ravel())[1].item() for j in others]
        assert min(fits) < 1e-6 < max(fits)  # a mixture with exactly one of the others


def test_classes_take_turns_and_few_examples_are_all_shown(image_file: Path) -> None:
    spec = study(image_file, {"none": []})
    (block,) = blocks(spec, 9, 0)
    assert block.columns == ("circle",) * 3 + ("square",) * 3 + ("Stern",) * 3
    (block,) = blocks(spec, 1000, 0)
    assert len(block.columns) == len(divide(_trial(spec, 0))[0].rows["train"])
    (other,) = blocks(spec, 9, 1)
    assert not np.array_equal(other.x, block.x[:, :9])


def test_normalisation_parts_blocks_too(image_file: Path) -> None:
    spec = study(image_file, {"none": []})
    plain = spec.model_dump(mode="json", exclude_unset=True)
    plain["factors"] = {"normalise": {"path": "data.normalise", "levels": ["train", "none"]}}
    train, none = blocks(validate(StudySpec, plain), 3, 0)
    assert none.caption[0] == "Normalisation: none."
    assert 0 <= none.x.min() < none.x.max() <= 255
    assert abs(train.x.mean()) < 0.2


def test_the_sheet_holds_each_picture(image_file: Path) -> None:
    spec = study(image_file, {"flip": [{"name": "horizontal_flip", "p": 1.0}]}, normalise="none")
    (block,) = blocks(spec, 2, 0)
    sheet = contact_sheet(spec, 2, 0)
    assert sheet.mode == "RGB"
    pixels = np.asarray(sheet)
    low, high = block.x.min(), block.x.max()
    for row in block.x:
        np.testing.assert_array_equal(row[1], row[0][..., ::-1])
        for x in row[:2]:
            tile = np.rint((x - low) / (high - low) * 255).astype(np.uint8).transpose(1, 2, 0)
            assert _holds(pixels, tile.repeat(10, 0).repeat(10, 1))


def _holds(picture: np.ndarray, tile: np.ndarray) -> bool:
    height, width = tile.shape[:2]
    inner = picture[: picture.shape[0] - height + 1, : picture.shape[1] - width + 1]
    ends = picture[height - 1 :, width - 1 :]
    places = np.argwhere((inner == tile[0, 0]).all(2) & (ends == tile[-1, -1]).all(2))
    return any(np.array_equal(picture[r : r + height, c : c + width], tile) for r, c in places)


def test_eeg_is_drawn_as_traces(eeg_file: Path) -> None:
    spec = study(eeg_file, {"shift": ["time_shift"], "none": []}, sfreq_hz=96)
    shifted, none = blocks(spec, 4, 0)
    assert shifted.kind == none.kind == "eeg"
    assert "Traces: 2 channels, 96 samples, 1 s" in shifted.caption[-1]
    sheet = np.asarray(contact_sheet(spec, 4, 0)).astype(int)
    blue = (sheet[..., 2] - sheet[..., 0]) > 80
    assert blue.sum() > 3000


def test_extreme_data_can_be_drawn(tmp_path: Path) -> None:
    """All zero EEG of many channels, images with two channels, a single pixel, a large image."""
    y = np.arange(20) % 2
    for i, x in enumerate(
        (
            np.zeros((20, 30, 50), np.float32),
            np.random.default_rng(0).integers(0, 256, (20, 2, 9, 9), dtype=np.uint8),
            np.full((20, 1, 1, 1), 7, np.uint8),
            np.random.default_rng(0).integers(0, 256, (20, 3, 300, 40), dtype=np.uint8),
        )
    ):
        path = tmp_path / f"{i}.npz"
        np.savez(path, x=x, y=y, class_names=np.array(["a" * 200, "表情"]))
        sheet = contact_sheet(study(path, {"none": [], "mixup": ["mixup"]}), 3, 0)
        assert max(sheet.size) < 2500


def test_what_does_not_fit_is_refused(image_file: Path) -> None:
    with pytest.raises(TrainingError, match=r"train\.augmentation\.0: time_mask is for EEG"):
        list(blocks(study(image_file, {"mask": ["time_mask"]}), 2, 0))


def paribus(*arguments: str, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    result = subprocess.run([PARIBUS, *arguments], cwd=cwd, capture_output=True, text=True, timeout=300)
    assert result.returncode == code, f"{result.stdout}\n{result.stderr}"
    assert "Traceback" not in result.stderr
    return result


def test_command(tmp_path: Path, study_file: Path) -> None:
    result = paribus("data", "preview", str(study_file), "--set", "train.augmentation=[sign_flip]", cwd=tmp_path)
    assert result.stdout.strip() == "Preview: small-preview.png"
    with Image.open(tmp_path / "small-preview.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 400


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "sheet.jpg"], "--out must be the name of a .png file, got sheet.jpg"),
        (["--out", "no/such/sheet.png"], "cannot write no/such/sheet.png: there is no folder no/such"),
        (["--n", "0"], "--n"),
    ],
)
def test_command_refuses(tmp_path: Path, study_file: Path, arguments: list[str], words: str) -> None:
    result = paribus("data", "preview", str(study_file), *arguments, cwd=tmp_path, code=2)
    assert words in result.stderr
