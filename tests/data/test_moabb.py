"""Data sets of MOABB; its fake one, which needs no download."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from paribus.data import moabb as source
from paribus.data.fingerprint import fingerprint
from paribus.data.sources import is_here, load_dataset
from paribus.errors import DataError, StudyError
from paribus.spec import MoabbData
from paribus.validate import validate

pytest.importorskip("moabb", reason="the extra `moabb` is not installed")
SFREQ_HZ = 64.0


@pytest.fixture(scope="module", autouse=True)
def library() -> Iterator[Any]:
    """MOABB with two data sets more: of two sessions each, and of one."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        from moabb import datasets
        from moabb.datasets.fake import FakeDataset

        class Two(FakeDataset):
            def __init__(self, n_sessions: int = 2) -> None:
                classes = ("left_hand", "right_hand")
                super().__init__(classes, n_sessions, 2, 2, seed=1, n_events=8, duration=40)

        class One(Two):
            def __init__(self) -> None:
                super().__init__(n_sessions=1)

        patch.setattr(datasets, "ParibusTwo", Two, raising=False)
        patch.setattr(datasets, "ParibusOne", One, raising=False)
        yield datasets


def spec(dataset: str = "ParibusTwo", **fields: Any) -> MoabbData:
    return MoabbData(source="moabb", dataset=dataset, paradigm="LeftRightImagery", resample=SFREQ_HZ, **fields)


def test_trials_are_those_of_the_paradigm(library: Any) -> None:
    dataset = load_dataset(spec(fmin=4.0, fmax=20.0, tmax=2.0, channels=("C3", "C4"), subjects=[2]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from moabb.paradigms import LeftRightImagery

        paradigm = LeftRightImagery(fmin=4, fmax=20, tmax=2.0, channels=["C3", "C4"], resample=SFREQ_HZ)
        x, labels, _ = paradigm.get_data(library.ParibusTwo(), [2])
    assert dataset.x.shape == (32, 1, 2, x.shape[2])
    np.testing.assert_allclose(dataset.x[:, 0], x, rtol=1e-6)
    assert [dataset.class_names[label] for label in dataset.y] == labels.tolist()
    assert dataset.channel_names == ("C3", "C4")
    assert dataset.sfreq_hz == SFREQ_HZ
    assert dataset.ids[[0, 8, 31]].tolist() == ["2/0/0/0000", "2/0/1/0000", "2/1/1/0007"]


def test_the_last_session_tests_and_what_is_a_group_can_be_chosen() -> None:
    dataset = load_dataset(spec())
    assert dataset.group is not None
    assert dataset.group[[0, 63]].tolist() == ["1", "2"]
    sessions = [name.split("/")[1] for name in dataset.ids]
    assert dataset.part.tolist() == ["test" if session == "1" else "train" for session in sessions]
    assert "last session (1)" in dataset.notes[-1]
    by_run = load_dataset(spec(groups="run"))
    assert by_run.group is not None
    assert set(by_run.group) == {f"{a}/{b}/{c}" for a in "12" for b in "01" for c in "01"}
    assert fingerprint(by_run) != fingerprint(dataset), "groups count"


def test_a_share_can_test_instead() -> None:
    dataset = load_dataset(spec("ParibusOne", test=0.25))
    assert np.bincount(dataset.y[dataset.part == "test"]).tolist() == [4, 4], "a quarter of 16 of each class"


def test_a_share_of_whole_subjects() -> None:
    dataset = load_dataset(spec(test=0.5, split_by_group=True))
    assert dataset.group is not None
    assert len(set(dataset.group[dataset.part == "test"])) == len(set(dataset.group[dataset.part == "train"])) == 1
    assert dataset.notes[-1] == "test part drawn: 1 of 2 groups, 50 % of the examples, the same for every seed"


def test_they_are_kept_with_names_and_rate_and_the_library_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_dataset(spec(subjects=(1,)))
    assert is_here(spec(subjects=(1,), test=0.5))
    assert not is_here(spec(subjects=(1,), tmin=0.5))
    monkeypatch.setattr(source, "_decode", None)
    again = load_dataset(spec(subjects=(1,)))
    assert fingerprint(again) == fingerprint(first)
    assert (again.channel_names, again.sfreq_hz) == (("C3", "Cz", "C4"), SFREQ_HZ)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"dataset": "ParibusOne"}, "subject 1 of ParibusOne has one, `0`: give data.test a share"),
        ({"dataset": "BNCI2014_01"}, "MOABB has no `BNCI2014_01`.*BNCI2014"),
        ({"dataset": "np"}, "MOABB has no `np`"),
        ({"paradigm": "LeftRigthImagery"}, "did you mean `LeftRightImagery`"),
        ({"n_classes": 2}, "LeftRightImagery of MOABB takes no n_classes: leave out data.n_classes"),
        ({"subjects": (1, 5)}, r"those of ParibusTwo, 1, 2, got 5: leave"),
        ({"channels": ("C3", "Nose")}, "MOABB cannot make LeftRightImagery trials of ParibusTwo .*Nose"),
        ({"paradigm": "P300"}, "MOABB cannot make P300 trials of ParibusTwo"),
        ({"paradigm": "FilterBankLeftRightImagery"}, "FilterBankLeftRightImagery of MOABB is a filter bank.* 6 times"),
    ],
)
def test_what_does_not_work_is_told_in_words(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        load_dataset(spec().model_copy(update=fields))


def test_a_filter_bank_that_finds_its_bands_in_the_data(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from moabb.datasets.fake import FakeDataset

        class Flicker(FakeDataset):
            def __init__(self) -> None:
                super().__init__(("13", "15"), 2, 2, 1, paradigm="ssvep", seed=1, n_events=4, duration=40)

    monkeypatch.setattr(library, "ParibusFlicker", Flicker, raising=False)
    with pytest.raises(DataError, match=r"FilterBankSSVEP of MOABB is a filter bank.* 2 times"):
        load_dataset(spec("ParibusFlicker").model_copy(update={"paradigm": "FilterBankSSVEP"}))


def test_subjects_are_distinct() -> None:
    plain = {"source": "moabb", "dataset": "D", "paradigm": "P", "subjects": [1, 2, 1]}
    with pytest.raises(StudyError, match=r"subjects must be distinct, got \[1, 2, 1\]"):
        validate(MoabbData, plain)
    assert validate(MoabbData, {**plain, "subjects": [2, 1]}).subjects == (2, 1)


def test_sessions_are_in_the_order_of_their_numbers() -> None:
    names = ["10test", "session10b", "2train", "session2", "0", "session10a"]
    expected = ["0", "2train", "10test", "session2", "session10a", "session10b"]
    assert sorted(names, key=source._in_order) == expected


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise source.PackageNotFoundError(name)

    monkeypatch.setattr(source, "version", missing)
    assert not is_here(spec())
    with pytest.raises(DataError, match=r"pip install 'paribus\[moabb\]'"):
        load_dataset(spec())
