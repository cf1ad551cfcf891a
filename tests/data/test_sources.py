from pathlib import Path
from typing import get_args

import numpy as np

from paribus.data.fingerprint import fingerprint
from paribus.data.sources import describe_sources, load_dataset
from paribus.spec import DataSpec, DigitsData, NormaliseNone, NpzData


def test_every_source_is_described() -> None:
    names = [get_args(cls.model_fields["source"].annotation)[0] for cls in get_args(get_args(DataSpec)[0])]
    assert [name for name, _, _ in describe_sources()] == names
    assert all(what and where for _, what, where in describe_sources())


def test_preparation_does_not_change_what_is_loaded() -> None:
    plain = DigitsData(source="digits")
    prepared = DigitsData(source="digits", validation=0.4, normalise=NormaliseNone(name="none"))
    assert fingerprint(load_dataset(plain)) == fingerprint(load_dataset(prepared))


def test_the_audit_is_part_of_loading(tmp_path: Path) -> None:
    x = np.ones((20, 2, 5))
    x[3] = np.inf
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(20) % 2, x_test=x[:2], y_test=[0, 0])
    dataset = load_dataset(NpzData(source="npz", path=str(tmp_path / "d.npz"), non_finite="drop"))
    assert "train/0003" in dataset.notes[0]
    assert dataset.notes[1] == "no test example of class 1"
