"""Pickles taken apart: plain values as Python's own unpickler gives them, and nothing is ever called."""

import contextlib
import os
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paribus.data.pickled import plain_values

DAMAGE = (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError)
BATCH = {
    b"data": np.arange(2 * 3072, dtype=np.uint8).reshape(2, 3072),
    b"labels": [1, 9],
    b"filenames": [b"a.png", b"\xff.png"],
    b"batch_label": b"training batch 1 of 5",
}


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_a_batch(protocol: int) -> None:
    content = pickle.dumps(BATCH, protocol)
    for one in (content, pickletools.optimize(content)):
        found = plain_values(one)
        assert np.array_equal(found.pop(b"data"), BATCH[b"data"])
        assert found == {key: value for key, value in BATCH.items() if key != b"data"}


def test_strings_of_python_2_are_bytes() -> None:
    """As written by Python 2.7: cPickle.dumps({'labels': [6, 9L], 'b': 'x', 'n': None}, 2)."""
    content = b"\x80\x02}q\x01(U\x06labelsq\x02]q\x03(K\x06\x8a\x01\tee"[:-1] + b"U\x01bq\x04U\x01xq\x05U\x01nq\x06Nu."
    assert (
        plain_values(content) == pickle.loads(content, encoding="bytes") == {b"labels": [6, 9], b"b": b"x", b"n": None}
    )


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("value", [[1, -5, 2**70, 1.5, None, True], {"a": (1, (2, 3), ())}, ["\u20ac", b"\x00"], []])
def test_plain_values(value: Any, protocol: int) -> None:
    assert plain_values(pickle.dumps(value, protocol)) == value


def test_columns_first() -> None:
    array = np.asfortranarray(np.arange(6, dtype=np.uint8).reshape(2, 3))
    assert np.array_equal(plain_values(pickle.dumps([array], 2))[0], array)


class Runs:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_is_called(protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    evil = (
        Runs(os.system, "touch evil"),
        Runs(eval, "open('evil', 'w')"),
        Runs(np.load, "evil.npy"),
        [np.array([Runs(os.system, "touch evil")], dtype=object)],
        Runs(getattr, 1, "real"),
    )
    for value in evil:
        with pytest.raises(ValueError, match=r"refused|other than bytes"):
            plain_values(pickle.dumps(value, protocol))
    assert not (tmp_path / "evil").exists()


def test_a_call_that_is_left_uncalled_is_refused() -> None:
    with pytest.raises(ValueError, match=r"it makes something by numpy\.dtype"):
        plain_values(pickle.dumps([np.dtype("u1")], 2))
    with pytest.raises(ValueError, match="other than bytes"):
        plain_values(pickle.dumps(np.zeros(3), 2))


def test_one_array_named_often_is_made_once() -> None:
    array = np.zeros(1000, np.uint8)
    found = plain_values(pickle.dumps([array] * 10_000, 2))
    assert all(one is found[0] for one in found)


def test_damage_anywhere_is_an_error_of_a_few_kinds() -> None:
    content = pickle.dumps(BATCH, 2)
    random = np.random.default_rng(0)
    for _ in range(3000):
        changed = bytearray(content)
        for _ in range(random.integers(1, 4)):
            place = random.integers(len(changed) if random.random() < 0.3 else 80)
            changed[place] = random.integers(256)
        end = random.integers(1, len(changed)) if random.random() < 0.2 else None
        with contextlib.suppress(*DAMAGE):
            plain_values(bytes(changed[:end]))


def test_keys_that_are_no_text(tmp_path: Path) -> None:
    """Found by fuzzing: a key of a batch is any bytes."""
    from paribus.data.cifar10 import _batch
    from paribus.errors import DataError

    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({b"\xfd": 1}, 2))
    with pytest.raises(DataError, match="must hold `data`"):
        _batch(tmp_path / "data_batch_1")
