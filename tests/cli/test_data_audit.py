"""`paribus data audit`, and which data a word means."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet
from typer.testing import CliRunner, Result

from paribus.cli.audit import count_table
from paribus.cli.main import app
from paribus.cli.which_data import which_data
from paribus.errors import DataError, StudyError
from paribus.record import DataAudit


def audit(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, ["data", "audit", *map(str, arguments)])
    if result.exception:
        raise result.exception
    return result


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    """40 EEG trials, the last two of them equal."""
    x = np.random.default_rng(0).normal(size=(40, 2, 50)).astype(np.float32)
    x[39] = x[38]
    np.savez(tmp_path / "eeg.npz", x=x[4:], y=np.arange(36) % 2, x_test=x[:4], y_test=np.arange(4) % 2)
    return tmp_path / "eeg.npz"


def test_counts_bars_and_findings_in_a_pipe(arrays: Path) -> None:
    lines = audit(arrays).stdout.splitlines()
    assert [line.split() for line in lines[1:5]] == [
        ["class", "train", "%", "test", "%"],
        ["0", "18", "50.0", "2", "50.0", "#" * 24],
        ["1", "18", "50.0", "2", "50.0", "#" * 24],
        ["all", "36", "4"],
    ]
    assert any(line.startswith("duplicates: 1 training example is an exact copy") for line in lines)
    assert any(line.startswith("conflicting: 1 group of exact copies in training has") for line in lines)


def test_json_is_the_audit(arrays: Path) -> None:
    found = json.loads(audit(arrays, "--json").stdout)
    assert found["counts"] == {"train": [18, 18], "test": [2, 2]}
    assert found["formats"] == {}
    assert [(finding["name"], finding["n"]) for finding in found["findings"]] == [("duplicates", 1), ("conflicting", 2)]


def test_data_that_training_would_refuse_are_examined_all_the_same(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(40, 2, 50)).astype(np.float32)
    x[5, 1, 7] = np.nan
    np.savez(tmp_path / "eeg.npz", x=x, y=np.arange(40) % 2)
    result = CliRunner().invoke(app, ["data", "audit", str(tmp_path / "eeg.npz")])
    assert result.exit_code == 1
    assert "non_finite: 1 example with NaN or infinite values" in result.stdout
    assert "training would refuse these data: all values must be finite" in result.stderr
    np.savez(tmp_path / "eeg.npz", x=x[:5], y=[0, 0, 0, 0, 1], x_test=x[6:8], y_test=[1, 1])
    result = CliRunner().invoke(app, ["data", "audit", str(tmp_path / "eeg.npz")])
    assert "needs at least 2 training examples" in result.stderr
    assert [line.split()[:2] for line in result.stdout.splitlines()[2:4]] == [["0", "4"], ["1", "1"]]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of six pictures, one of them of another size, and a file that is none."""
    rng = np.random.default_rng(0)
    for i in range(12):
        folder = tmp_path / "photos" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (8, 9 if i == 11 else 8), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    (tmp_path / "photos/a/notes.png").write_text("no picture")
    return tmp_path / "photos"


def test_unreadable_images_are_found_and_not_stopped_at(photos: Path) -> None:
    result = CliRunner().invoke(app, ["data", "audit", str(photos), "--set", "size=8"])
    assert result.exit_code == 1
    assert "unreadable: 1 file could not be decoded and was left out\n  a/notes.png (" in result.stdout
    assert "training would refuse these data: all image files must be readable, 1 is not: a/notes" in result.stderr
    assert "--set data.unreadable=skip" in result.stderr
    told = audit(photos, "--set", "size=8", "--set", "data.unreadable=skip")
    assert "unreadable: 1 file" in told.stdout
    assert told.exit_code == 0


def test_images_of_several_sizes_are_told_what_to_type(photos: Path) -> None:
    with pytest.raises(DataError, match=r"8 x 8: 11 .*, 8 x 9: 1 .*; resize them with --set data\.size=8") as caught:
        audit(photos)
    (option,) = re.findall(r"--set (\S+?),", str(caught.value))
    assert audit(photos, "--set", option, "--set", "unreadable=skip").exit_code == 0


def test_folders_without_a_readable_image(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_text("no picture")
    with pytest.raises(DataError, match=r"no images to train on: a/1\.png \(not an image"):
        audit(tmp_path)


def test_near_duplicates_of_eeg_are_refused(arrays: Path) -> None:
    with pytest.raises(DataError, match="these data are EEG"):
        audit(arrays, "--near-duplicates")


def test_nothing_found_is_said(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(40, 2, 50)).astype(np.float32)
    np.savez(tmp_path / "eeg.npz", x=x, y=np.arange(40) % 2)
    assert audit(tmp_path / "eeg.npz").stdout.splitlines()[-1] == "Nothing found to complain of."


def test_bars_and_shares_by_class() -> None:
    found = DataAudit({"train": (30, 10, 0), "test": (1, 1, 2)}, {}, ())
    header, rows = count_table(found, ("a", "b", "c"), "=")
    assert header == ["class", "train", "%", "test", "%", ""]
    assert rows == [
        ["a", "30", "75.0", "1", "25.0", "=" * 24],
        ["b", "10", "25.0", "1", "25.0", "=" * 8],
        ["c", "0", "0.0", "2", "50.0", ""],
        ["all", "40", "", "4", "", ""],
    ]


# ---------------------------------------------------------------- which data


def test_a_study_means_the_data_of_its_baseline() -> None:
    assert which_data("quickstart").source == "digits"
    for setting in ("data.test=0.3", "test=0.3", "baseline.data.test=0.3"):
        assert which_data("quickstart", [setting]).model_dump()["test"] == 0.3
    assert which_data("quickstart", ["train.epochs=3"]).source == "digits"  # of the study, and none of the data's


def test_a_study_file(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(
        "name: my\nquestion: Why?\nbaseline:\n  data: {source: aeon, name: Blink}\n  model: {name: eegnet}\n"
    )
    assert which_data(str(file)).model_dump()["name"] == "Blink"
    assert which_data(str(file), ["name=EyesOpenShut"]).model_dump()["name"] == "EyesOpenShut"


def test_a_source_by_its_name() -> None:
    assert which_data("digits").source == "digits"
    assert which_data("fer2013", ["size=[24, 32]", "data.channels=3"]).model_dump()["size"] == (24, 32)
    assert which_data("aeon", ["name=Blink"]).model_dump()["name"] == "Blink"


@pytest.mark.parametrize(
    ("columns", "source", "part"),
    [
        (["image", "label", "usage"], "fer2013", None),
        (["image", "label", "split"], "hub", "split"),
        (["x"], "hub", None),
    ],
)
def test_a_parquet_file_by_its_columns(tmp_path: Path, columns: list[str], source: str, part: str | None) -> None:
    file = tmp_path / "a b.parquet"
    parquet.write_table(pa.table({name: [1] for name in columns}), file)
    found = which_data(str(file)).model_dump()
    assert (found["source"], found["path"], found.get("part")) == (source, str(file), part)
    assert which_data(str(tmp_path)).source == "hub"


def test_other_files_and_folders(tmp_path: Path) -> None:
    for name, source in (("faces.csv", "fer2013"), ("eeg.npz", "npz")):
        (tmp_path / name).touch()
        assert which_data(str(tmp_path / name)).source == source
    (tmp_path / "digits").mkdir()
    found = which_data(str(tmp_path / "digits"), ["test=0.5"]).model_dump()
    assert (found["source"], found["path"], found["test"]) == ("folder", str(tmp_path / "digits"), 0.5)


@pytest.mark.parametrize(
    ("what", "settings", "message"),
    [
        ("digit", [], "is called `digit`; did you mean `digits`"),
        ("no/such.parquet", [], "no/such.parquet: no such file or folder"),
        ("aeon", [], "data.name: this field is needed: give it as --set name=…"),
        ("digits", ["tset=0.3"], "data.tset: unknown field; did you mean `test`"),
        ("digits", ["test=2"], "data.test: "),
        ("digits", ["test"], "--set test: give it as path=value"),
        ("digits", ["test=[1"], "the value is not valid YAML"),
        ("quickstart", ["tset=0.3"], "data.tset: unknown field"),
    ],
)
def test_what_cannot_be_meant_is_refused(what: str, settings: list[str], message: str) -> None:
    with pytest.raises(StudyError) as caught:
        which_data(what, settings)
    assert message in str(caught.value)


def test_a_file_that_is_no_parquet(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("no")
    with pytest.raises(DataError, match=r"a\.parquet cannot be read as parquet"):
        which_data(str(tmp_path / "a.parquet"))


def test_what_the_sources_themselves_take(tmp_path: Path) -> None:
    (tmp_path / "a.CSV").write_text("emotion,pixels,Usage\n")
    assert which_data(str(tmp_path / "a.CSV")).source == "fer2013"
    for folder, inside, source in (
        ("faces", "PublicTest", "fer2013"),
        ("batches", "data_batch_1", "cifar10"),
        ("letters", "a", "folder"),
    ):
        (tmp_path / folder / inside).mkdir(parents=True)
        assert which_data(str(tmp_path / folder)).source == source
