"""Made data, small enough to check by hand, and a cache that no test shares."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paribus.data.dataset import Dataset

Make = Callable[..., Dataset]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("PARIBUS_CACHE", str(folder))
    return folder


@pytest.fixture
def make() -> Make:
    """A data set of 12 EEG examples, 8 to train and 4 to test, with any field replaced."""

    def build(**fields: Any) -> Dataset:
        n = len(fields.get("y", range(12)))
        x = np.arange(n * 2 * 5, dtype=np.float32).reshape(n, 1, 2, 5)
        n_train = n * 2 // 3
        defaults: dict[str, Any] = {
            "x": x,
            "y": np.arange(n, dtype=np.int64) % 2,
            "ids": np.array([f"e/{i:04d}" for i in range(n)]),
            "part": np.array(["train"] * n_train + ["test"] * (n - n_train)),
            "class_names": ("left", "right"),
            "kind": "eeg",
            "description": "made",
        }
        return Dataset(**{**defaults, **fields})

    return build
