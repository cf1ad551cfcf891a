"""Batches as the network sees them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from paribus.data.dataset import Dataset
from paribus.data.normalise import Normalisation, apply
from paribus.training import examples
from paribus.training.examples import prepare, unlabelled

CPU = torch.device("cpu")
PIXELS = Normalisation("fixed", "channel", (100.0, 90.0, 80.0), (50.0, 60.0, 70.0))


def images(n: int = 40) -> Dataset:
    x = np.random.default_rng(0).integers(0, 256, size=(n, 3, 6, 5)).astype(np.uint8)
    return Dataset(
        x=x,
        y=np.arange(n) % 3,
        ids=np.array([f"i{i}" for i in range(n)]),
        part=np.full(n, "train"),
        class_names=("a", "b", "c"),
        kind="image",
        description="noise",
    )


def test_batches_are_the_same_bits_whether_kept_whole_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, rows = images(), np.arange(3, 33)
    whole = prepare(dataset, rows, PIXELS, CPU)
    monkeypatch.setattr(examples, "KEPT_WHOLE", 0)
    piecewise = prepare(dataset, rows, PIXELS, CPU)
    assert whole.whole is not None
    assert piecewise.whole is None
    positions = torch.tensor([4, 0, 29, 4])
    expected = apply(dataset.x[rows[[4, 0, 29, 4]]], PIXELS)
    for one in (whole, piecewise):
        assert np.array_equal(one.batch(positions).numpy(), expected)
        assert len(one) == 30
        assert one.y.tolist() == dataset.y[rows].tolist()


def test_images_are_augmented_as_pixels_and_then_normalised() -> None:
    dataset, rows = images(), np.arange(5, 25)
    seen: dict[str, Any] = {}

    def double(x: torch.Tensor, whose: torch.Tensor) -> torch.Tensor:
        seen.update(x=x.clone(), whose=whose)
        return 2 * x

    out = prepare(dataset, rows, PIXELS, CPU).batch(torch.tensor([2, 7]), double, torch.tensor([70, 12]))
    assert np.array_equal(seen["x"].numpy(), dataset.x[[7, 12]].astype(np.float32))
    assert seen["whose"].tolist() == [70, 12]
    assert np.array_equal(out.numpy(), apply(2.0 * dataset.x[[7, 12]].astype(np.float32), PIXELS))


def test_eeg_is_normalised_and_then_augmented() -> None:
    x = np.random.default_rng(0).normal(size=(8, 1, 2, 20)).astype(np.float32)
    by_row = Normalisation("fixed", "row", (1.0, 2.0), (3.0, 4.0))
    one = unlabelled(x, "eeg", by_row, CPU)
    out = one.batch(torch.tensor([3, 1]), lambda batch, whose: -batch, torch.tensor([3, 1]))
    assert np.array_equal(out.numpy(), -apply(x[[3, 1]], by_row))
    assert np.array_equal(one.batch(torch.tensor([3, 1])).numpy(), apply(x[[3, 1]], by_row)), "nothing changed in place"


def test_a_memory_map_is_read_a_batch_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the memory holds: of 2 TB (a sparse file), two examples are read."""
    x = np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.uint8, shape=(2**21, 1, 1000, 1000))
    x[2**20] = 7
    one = unlabelled(x, "image", Normalisation("none", "channel"), CPU)
    assert one.whole is None
    assert one.batch(torch.tensor([0, 2**20])).mean(dim=(1, 2, 3)).tolist() == [0.0, 7.0]


def test_more_is_kept_whole_on_a_gpu_with_room(monkeypatch: pytest.MonkeyPatch) -> None:
    free = {"now": 8 * 2**30}
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free["now"], 16 * 2**30))
    assert examples.room(torch.device("cpu")) == examples.KEPT_WHOLE
    assert examples.room(torch.device("cuda")) == 2**30
    free["now"] = 0
    assert examples.room(torch.device("cuda")) == examples.KEPT_WHOLE
