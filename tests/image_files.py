"""Image files and folders of them, for tests."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from paribus.data.dataset import Dataset
from paribus.data.sources import load_dataset
from paribus.spec import FolderData


def png(pixels: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png", **options)
    return file.getvalue()


def one_folder(tmp_path: Path, content: dict[str, bytes]) -> Path:
    """Two classes of three good 5 x 4 grey images in both parts, and more files, by path."""
    random = np.random.default_rng(0)
    for part in ("train", "test"):
        for name in ("a", "b"):
            for i in range(3):
                path = tmp_path / "f" / part / name / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(png(random.integers(0, 256, size=(5, 4)).astype(np.uint8)))
    for name, data in content.items():
        path = tmp_path / "f" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "f"


def load_folder(path: Path, **fields: Any) -> Dataset:
    return load_dataset(FolderData(source="folder", path=str(path), **fields))


def encoded(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


COLOUR = Image.fromarray(np.random.default_rng(1).integers(0, 256, size=(5, 4, 3)).astype(np.uint8))
"""Five rows of four pixels, by chance."""
