"""The handwritten digits that scikit-learn ships (Alpaydin & Kaynak 1998, UCI)."""

from dataclasses import replace
from importlib.metadata import version

import numpy as np

from paribus.data.cache import cached
from paribus.data.dataset import Dataset
from paribus.data.split import draw_in_words, draw_test
from paribus.spec import DigitsData


def load(spec: DigitsData) -> Dataset:
    """1,797 images of 8 x 8, grey values from 0 to 16, ten classes."""
    dataset = cached(f"digits 1, scikit-learn {version('scikit-learn')}", _decode)
    part = draw_test(dataset.y, spec.test)
    return replace(dataset, part=part, notes=(*dataset.notes, draw_in_words(spec.test, part)))


def _decode() -> Dataset:
    from sklearn.datasets import load_digits

    found = load_digits()
    n = len(found.images)
    return Dataset(
        x=found.images[:, None].astype(np.float32),
        y=found.target.astype(np.int64),
        ids=np.array([f"{row:04d}" for row in range(n)]),
        part=np.full(n, "train", dtype="<U10"),
        class_names=tuple(str(name) for name in found.target_names),
        kind="image",
        description="the handwritten digits of scikit-learn, 8 x 8 pixels, grey values from 0 to 16",
    )
