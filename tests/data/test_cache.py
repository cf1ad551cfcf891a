import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paribus.data.cache import cached, remove_leftovers
from paribus.data.dataset import Dataset
from paribus.data.fingerprint import fingerprint
from paribus.folders import cache_folder


class Builder:
    """Counts how often the data had to be built."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset, self.times = dataset, 0

    def __call__(self) -> Dataset:
        self.times += 1
        return self.dataset


@pytest.fixture
def builder(make: Any) -> Builder:
    return Builder(make(group=np.array(["S4b", "X11b"] * 6), sfreq_hz=125.0, notes=("n\u00f6te",)))


def entry(cache: Path) -> Path:
    (folder,) = cache.iterdir()
    return folder


def test_built_once_and_read_back_the_same(builder: Builder) -> None:
    cached("k", builder)
    again = cached("k", builder)
    assert builder.times == 1
    assert fingerprint(again) == fingerprint(builder.dataset)
    assert (again.class_names, again.notes, again.sfreq_hz) == (("left", "right"), ("n\u00f6te",), 125.0)
    assert again.group is not None
    assert again.group.tolist() == ["S4b", "X11b"] * 6
    assert again.x.dtype == np.float32
    assert not again.x.flags.writeable


def test_without_groups(make: Any) -> None:
    builder = Builder(make())
    assert cached("k", builder).group is None
    assert cached("k", builder).group is None
    assert builder.times == 1


def test_another_key_is_another_entry(builder: Builder, cache: Path) -> None:
    cached("a", builder)
    cached("b", builder)
    assert builder.times == 2
    assert len(list(cache.iterdir())) == 2


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-8])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("damage", [cut, flip, empty, Path.unlink])
@pytest.mark.parametrize("name", ["x.npy", "y.npy", "ids.npy", "entry.json"])
def test_damage_is_found_and_mended(builder: Builder, cache: Path, name: str, damage: Any) -> None:
    cached("k", builder)
    damage(entry(cache) / name)
    assert fingerprint(cached("k", builder)) == fingerprint(builder.dataset)
    cached("k", builder)
    assert builder.times == 2  # built anew once, then kept
    assert len(list(cache.iterdir())) == 1


def test_a_changed_value_is_found(builder: Builder, cache: Path) -> None:
    cached("k", builder)
    file = entry(cache) / "entry.json"
    content = json.loads(file.read_text())
    content["content"]["values"]["class_names"] = ["right", "left"]
    file.write_text(json.dumps(content))
    assert cached("k", builder).class_names == ("left", "right")


@pytest.mark.parametrize("text", ["[]", "null", '{"content": {}, "sha256": 1}', '"x"'])
def test_another_form_is_no_entry(builder: Builder, cache: Path, text: str) -> None:
    cached("k", builder)
    (entry(cache) / "entry.json").write_text(text)
    cached("k", builder)
    assert builder.times == 2


def test_goes_on_when_nothing_can_be_written(builder: Builder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    monkeypatch.setenv("PARIBUS_CACHE", str(file / "cache"))
    assert cached("k", builder) is builder.dataset


def test_goes_on_when_the_disk_is_full(builder: Builder, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("paribus.data.cache.np.save", full)
    assert cached("k", builder) is builder.dataset
    assert list(cache.iterdir()) == []  # nothing half written stays


def test_errors_of_the_builder_are_not_swallowed(cache: Path) -> None:
    def broken() -> Dataset:
        raise OSError("cannot decode")

    with pytest.raises(OSError, match="cannot decode"):
        cached("k", broken)


def test_many_at_once(make: Any, cache: Path) -> None:
    dataset = make()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: cached("k", lambda: dataset), range(40)))
    assert {fingerprint(d) for d in found} == {fingerprint(dataset)}
    assert len(list(cache.iterdir())) == 1


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PARIBUS_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("PARIBUS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "paribus"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder().is_relative_to(Path.home())
    if os.name == "posix":
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setattr("sys.platform", "linux")
        assert cache_folder() == Path.home() / ".cache" / "paribus"


def test_what_killed_processes_left_is_removed_after_a_day(tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in ("tmp-old", "tmp-new", "entry"))
    for path in (old, new, other):
        path.mkdir()
        (path / "x").write_text("x")
    (tmp_path / "tmp-file").write_text("x")
    for path in (old, other, tmp_path / "tmp-file"):
        os.utime(path, (0, 0))
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["entry", "tmp-new"]


def test_a_faster_process_keeps_its_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Any) -> None:
    monkeypatch.setenv("PARIBUS_CACHE", str(tmp_path))
    dataset = make()

    def slow() -> Dataset:
        cached("key", lambda: dataset)  # another process, meanwhile
        entry = next(path for path in tmp_path.iterdir() if not path.name.startswith("tmp-"))
        stamps.append((entry / "entry.json").stat().st_ino)
        return dataset

    stamps: list[int] = []
    cached("key", slow)
    (entry,) = tmp_path.iterdir()
    assert (entry / "entry.json").stat().st_ino == stamps[0]
