"""A few seconds of `scripts/fuzz`; and that it would notice."""

import random
from pathlib import Path

import pytest

from fuzzing.formats import FORMATS, Format
from fuzzing.run import Tally, fuzz
from paribus.errors import DataError


def test_spoilt_files_of_every_format_give_clean_errors() -> None:
    tally = fuzz(seed=2026, numbers=range(600), seconds=60)
    assert not tally.failed, tally.failed
    assert tally.read.total() > 20, "some are still whole"
    assert set(tally.refused) == set(FORMATS)


def test_an_input_is_always_the_same(tmp_path: Path) -> None:
    for form in FORMATS.values():
        made = []
        for _ in range(2):
            form.make(random.Random("7/3"), tmp_path / form.ending)
            made.append((tmp_path / form.ending).read_bytes())
        if form.ending not in ("x.sqlite", "x.npz"):  # these hold the time of day
            assert made[0] == made[1]


@pytest.mark.parametrize(
    "error", [IndexError("x"), RecursionError(), MemoryError(), DeprecationWarning("w"), DataError("x")]
)
def test_what_is_no_clean_error_is_a_failure(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def read(path: Path) -> None:
        raise error

    monkeypatch.setitem(FORMATS, "costs", Format("x", 1, lambda r, path: path.touch(), read))
    tally = fuzz(0, range(3), 10, only="costs")
    assert isinstance(tally, Tally)
    assert tally.n == 3
    assert sum(map(len, tally.failed.values())) == (0 if isinstance(error, DataError) else 3)
