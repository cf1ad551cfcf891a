"""The tutorials and the how-to page work as they stand."""

import os
import shutil
from pathlib import Path

import pytest

from pages import DOCS, blocks, follow, shown
from paribus.load import load_study
from paribus.results import analyse
from paribus.spec import MoabbData

FACES = Path(os.environ.get("PARIBUS_DATA", "nowhere")) / "fer2013-folder-small"


def digits_as_images(folder: Path) -> None:
    """What stands in for the tutorial's faces: three classes of digits as PNG files."""
    from PIL import Image
    from sklearn.datasets import load_digits

    found = load_digits()
    for i in range(300):
        if (label := int(found.target[i])) < 3:
            place = folder / ("test" if i % 4 == 0 else "train") / f"digit{label}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray((found.images[i] * 15).astype("uint8")).resize((24, 24)).save(place / f"{i:03d}.png")


def test_images(tmp_path: Path) -> None:
    if FACES.is_dir():
        shutil.copytree(FACES, tmp_path / "images")
    else:
        digits_as_images(tmp_path / "images")
    printed = follow("tutorial-images.md", tmp_path)
    assert analyse(tmp_path / "runs" / "faces").trials["state"].tolist() == ["finished"] * 6
    assert "to the last bit" in printed
    if FACES.is_dir():
        assert [line for line in shown("tutorial-images.md") if line not in printed] == []


def test_eeg(tmp_path: Path) -> None:
    pytest.importorskip("mne", reason="the extra `moabb` is not installed")
    printed = follow("tutorial-eeg.md", tmp_path)
    assert analyse(tmp_path / "runs" / "imagery").trials["state"].tolist() == ["finished"] * 6
    lines = [line for line in shown("tutorial-eeg.md") if not line.startswith("cell")]
    assert [line for line in lines if line not in printed] == []
    assert isinstance(load_study(tmp_path / "left-or-right.yaml").baseline.data, MoabbData)


def test_adding_a_network_data_and_an_augmentation(tmp_path: Path) -> None:
    assert all(len(content.splitlines()) < 20 for language, content in blocks("howto.md") if language == "python")
    follow("howto.md", tmp_path)
    trials = analyse(tmp_path / "runs" / "own").trials
    assert trials["state"].tolist() == ["finished"] * 4
    assert (trials["accuracy"] > 0.5).all(), "of three classes, told apart by where a bright band is"


def test_the_page_on_networks(tmp_path: Path) -> None:
    assert "All layers run as they are" in follow("networks.md", tmp_path)


def test_every_public_name_is_in_the_reference() -> None:
    import paribus

    text = (DOCS / "reference.md").read_text(encoding="utf-8")
    for name in paribus.__all__:
        assert f"::: {getattr(paribus, name).__module__}.{name}\n" in text, f"add {name} to docs/reference.md"
