from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from paribus.data.fingerprint import fingerprint


def test_is_a_sha256_and_repeats(make: Any) -> None:
    assert len(fingerprint(make())) == 64
    assert int(fingerprint(make()), 16) >= 0
    assert fingerprint(make()) == fingerprint(make())


def test_does_not_change_from_version_to_version(make: Any) -> None:
    """A changed fingerprint makes every finished trial run again: only on purpose."""
    import hashlib
    import json

    d = make()
    header = json.dumps(
        {
            "class_names": ["left", "right"],
            "group": None,
            "ids": d.ids.tolist(),
            "kind": "eeg",
            "part": d.part.tolist(),
            "x": ["<f4", [12, 1, 2, 5]],
        }
    ).encode()
    content = b"paribus data 1\n" + len(header).to_bytes(8, "little") + header
    content += np.arange(120, dtype="<f4").tobytes() + (np.arange(12, dtype="<i8") % 2).tobytes()
    assert fingerprint(d) == hashlib.sha256(content).hexdigest()


def test_layout_in_memory_does_not_count(make: Any) -> None:
    dataset = make()
    wide = np.zeros((24, 1, 2, 10), np.float32)
    wide[::2, :, :, ::2] = dataset.x
    for x in (np.asfortranarray(dataset.x), wide[::2, :, :, ::2], dataset.x[::-1].copy()[::-1]):
        assert fingerprint(make(x=x)) == fingerprint(dataset)


def test_more_than_one_chunk_counts(make: Any) -> None:
    x = np.zeros((600, 1, 2, 5), np.float32)
    other = x.copy()
    other[599, 0, 1, 4] = 1
    y = np.arange(600) % 2
    assert fingerprint(make(x=x, y=y)) != fingerprint(make(x=other, y=y))


def test_words_do_not_count(make: Any) -> None:
    dataset = make()
    assert fingerprint(replace(dataset, description="else", notes=("a note",))) == fingerprint(dataset)
    wider = dataset.ids.astype("<U40")
    assert fingerprint(replace(dataset, ids=wider)) == fingerprint(dataset)


@pytest.mark.parametrize(
    "fields",
    [
        {"x": np.zeros((12, 1, 2, 5), np.float32)},
        {"x": np.arange(120, dtype=np.float32).reshape(12, 1, 5, 2)},
        {"kind": "image"},
        {"y": 1 - np.arange(12) % 2},
        {"ids": np.array([f"f/{i:04d}" for i in range(12)])},
        {"part": np.array(["train"] * 7 + ["test"] * 5)},
        {"class_names": ("left", "right ")},
        {"group": np.array(["a"] * 12)},
    ],
)
def test_content_counts(make: Any, fields: dict[str, Any]) -> None:
    assert fingerprint(make(**fields)) != fingerprint(make())


def test_type_counts(make: Any) -> None:
    x = np.ones((12, 1, 2, 5))
    images = [make(x=x.astype(dtype), kind="image") for dtype in (np.float32, np.uint8)]
    assert fingerprint(images[0]) != fingerprint(images[1])
