from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from paribus.data.fingerprint import fingerprint
from paribus.data.sources import describe_sources, load_dataset, load_moved
from paribus.errors import DataError
from paribus.spec import DataSpec, DigitsData, FolderData, NormaliseNone, NpzData


def test_every_source_is_described() -> None:
    names = [get_args(cls.model_fields["source"].annotation)[0] for cls in get_args(get_args(DataSpec)[0])]
    assert [name for name, _, _ in describe_sources()] == names
    assert all(what and where for _, what, where in describe_sources())


def test_preparation_does_not_change_what_is_loaded() -> None:
    plain = DigitsData(source="digits")
    prepared = DigitsData(source="digits", validation=0.4, normalise=NormaliseNone(name="none"))
    assert fingerprint(load_dataset(plain)) == fingerprint(load_dataset(prepared))


def test_the_audit_is_part_of_loading(tmp_path: Path) -> None:
    x = -np.ones((20, 2, 5))
    x[3] = np.inf
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(20) % 2, x_test=x[:2], y_test=[0, 0])
    dataset = load_dataset(NpzData(source="npz", path=str(tmp_path / "d.npz"), non_finite="drop"))
    assert "train/0003" in dataset.notes[0]
    assert dataset.notes[1] == "no test example of class 1"


def test_a_test_part_that_is_brought_may_hold_groups_that_train(tmp_path: Path) -> None:
    """It stays as it is, and who asked for whole groups is told."""
    x, y = np.random.default_rng(0).normal(size=(20, 2, 5)), np.arange(20) % 2
    np.savez(tmp_path / "d.npz", x=x, y=y, group=np.arange(20) // 5, x_test=x[:4] + 1, y_test=y[:4], group_test=[3] * 4)
    spec = NpzData(source="npz", path=str(tmp_path / "d.npz"))
    assert load_dataset(spec).notes == ()
    (note,) = load_dataset(spec.model_copy(update={"split_by_group": True})).notes
    assert note.startswith("1 of the 4 groups of the training part stand in the test part, too")
    assert note.endswith(": 3")


def test_data_that_have_moved_are_named_by_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("here.npz", x=np.arange(200.0).reshape(20, 2, 5), y=np.arange(20) % 2)
    there = NpzData(source="npz", path="there.npz")
    assert len(load_moved(there, "here.npz").y) == 20
    hint = f"name their place with --data-path (paths are relative to the current folder, {tmp_path})"
    for spec, path in ((there, None), (there, "nowhere.npz"), (FolderData(source="folder", path="images"), None)):
        with pytest.raises(DataError) as caught:
            load_moved(spec, path)
        assert hint in str(caught.value)
    with pytest.raises(DataError, match=r"leave out --data-path$"):
        load_moved(DigitsData(source="digits"), "here.npz")
