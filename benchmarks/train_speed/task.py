"""What all rivals of this benchmark train: data, networks and recipes, made once, read by each from the same files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import Dataset

from paribus.models.build import create
from paribus.spec import Baseline
from paribus.validate import validate

ACTIVATIONS = ("relu", "elu")
SEEDS = (0, 1)
BATCH = 128
R3 = [{"name": "crop", "padding": 4}, "horizontal_flip", {"name": "rotation", "degrees": 15}]
R2 = ["horizontal_flip", {"name": "rotation", "degrees": 20}]


def make(folder: Path, data: Path) -> dict[str, dict[str, Any]]:
    """Write the data; the tasks by network."""
    tasks = {}
    eeg = folder / "eeg.npz"
    np.savez(eeg, **eeg_trials())
    for name, epochs in (("eegnet", 20), ("deepconvnet", 6)):
        tasks[name] = {"data": str(eeg), "model": name, "epochs": epochs, "augmentation": []}
    for name, source, augmentation, epochs in (
        ("simple_cnn", "cifar10", R3, 4),
        ("face_cnn", "fer2013", R2, 2),
    ):
        path = folder / f"{source}.npz"
        np.savez(path, **images(data / f"{source}.parquet", 5000, 1000))
        tasks[name] = {"data": str(path), "model": name, "epochs": epochs, "augmentation": augmentation}
    for name, task in tasks.items():
        (folder / f"{name}.json").write_text(json.dumps(task))
    return tasks


def eeg_trials(n: int = 1080, channels: int = 2, samples: int = 750) -> dict[str, np.ndarray]:
    """n + n trials, noise with a rhythm that is stronger in even or in odd channels."""
    rng = np.random.default_rng(0)
    t = np.arange(samples) / 125
    y = rng.integers(0, 2, 2 * n)
    x = rng.normal(0, 1, (2 * n, channels, samples))
    rhythm = np.sin(2 * np.pi * 10 * t + rng.uniform(0, 2 * np.pi, (2 * n, 1)))
    sides = np.where(np.arange(channels) % 2 == 0, y[:, None], 1 - y[:, None])
    strength = rng.gamma(2.0, 0.12, (2 * n, channels)) + 0.12 * sides
    x += strength[:, :, None] * rhythm[:, None]
    x = x.astype(np.float32)
    return {"x": x[:n], "y": y[:n], "x_test": x[n:], "y_test": y[n:], "sfreq_hz": np.array(125.0)}


def images(path: Path, n_train: int, n_test: int) -> dict[str, np.ndarray]:
    import io

    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    usage = np.array(table.column("split" if "split" in table.column_names else "usage").to_pylist())
    rng, found = np.random.default_rng(0), {}
    for suffix, names, n in (("", ("train", "Training"), n_train), ("_test", ("test", "PrivateTest"), n_test)):
        rows = rng.permutation(np.flatnonzero(np.isin(usage, names)))[:n]
        part = table.take(rows).to_pylist()
        images = [np.array(Image.open(io.BytesIO(row["image"]["bytes"]))) for row in part]
        x = np.stack([image[None] if image.ndim == 2 else image.transpose(2, 0, 1) for image in images])
        found |= {f"x{suffix}": x, f"y{suffix}": np.array([row["label"] for row in part])}
    return {**found, "kind": np.array("image")}


def study(task: dict[str, Any], precision: str) -> dict[str, Any]:
    """The task as a study of paribus."""
    return {
        "name": "bench",
        "question": "How long does this take?",
        "baseline": {
            "data": {"source": "npz", "path": task["data"], "validation": 0.2},
            "model": {"name": task["model"]},
            "train": {
                "epochs": task["epochs"],
                "batch_size": task.get("batch", BATCH),
                "precision": precision,
                "augmentation": task["augmentation"],
            },
        },
        "factors": {"activation": {"path": "model.activation", "levels": list(ACTIVATIONS)}},
        "seeds": list(task.get("seeds", SEEDS)),
    }


def network(task: dict[str, Any], activation: str, seed: int, shape: tuple[int, ...], n_classes: int) -> nn.Module:
    """The plain network as a student would have written it, in PyTorch's own layout."""
    plain = {"data": {"source": "digits"}, "model": {"name": task["model"], "activation": activation}}
    spec = validate(Baseline, plain).model
    model = create(spec, shape, n_classes, lambda name: seed)  # type: ignore[arg-type]
    return model.to(memory_format=torch.contiguous_format)


class Examples(Dataset):
    """One part, an example at a time, images augmented one by one as torchvision's transforms do with Pillow."""

    def __init__(
        self, x: np.ndarray, y: np.ndarray, mean: np.ndarray, std: np.ndarray, augmentation: list[Any]
    ) -> None:
        self.x, self.y, self.mean, self.std = x, torch.from_numpy(y).long(), mean, std
        self.rng = np.random.default_rng(0)
        self.names = {a if isinstance(a, str) else a["name"]: a for a in augmentation}

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.x[i]
        if self.names:
            x = self._augmented(x)
        return torch.from_numpy((x.astype(np.float32) - self.mean) / self.std), self.y[i]

    def _augmented(self, x: np.ndarray) -> np.ndarray:
        size = x.shape[1]
        if "crop" in self.names:
            x = np.pad(x, ((0, 0), (4, 4), (4, 4)))
            top, left = self.rng.integers(0, 9, 2)
            x = x[:, top : top + size, left : left + size]
        image = Image.fromarray(x[0] if len(x) == 1 else np.ascontiguousarray(x.transpose(1, 2, 0)))
        if self.rng.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        degrees = self.names["rotation"]["degrees"]
        image = image.rotate(self.rng.uniform(-degrees, degrees), Image.Resampling.BILINEAR)
        x = np.asarray(image)
        return x[None] if x.ndim == 2 else x.transpose(2, 0, 1)


def trials(task: dict[str, Any]) -> Iterator[tuple[str, tuple[Examples, Examples, Examples], nn.Module]]:
    """A name, training, validation and test, and the network of each trial, with PyTorch's generator seeded."""
    for seed in task.get("seeds", SEEDS):
        for activation in ACTIVATIONS:
            torch.manual_seed(seed)
            examples, shape, n_classes = parts(task, seed)
            yield f"{activation}-{seed}", examples, network(task, activation, seed, shape, n_classes)


def parts(task: dict[str, Any], seed: int) -> tuple[tuple[Examples, Examples, Examples], tuple[int, ...], int]:
    """Training, validation, test; the shape of an example; the number of classes."""
    with np.load(task["data"]) as file:
        x, y, x_test, y_test = (file[name] for name in ("x", "y", "x_test", "y_test"))
    if x.ndim == 3:
        x, x_test = x[:, None], x_test[:, None]
    order = np.random.default_rng(seed).permutation(len(x))
    cut = len(x) // 5
    train, validation = order[cut:], order[:cut]
    axes = (0, 1, 3) if x.dtype == np.float32 else (0, 2, 3)
    mean = x[train].mean(axes, keepdims=True)[0].astype(np.float32)
    std = x[train].std(axes, keepdims=True)[0].astype(np.float32)
    made = (
        Examples(x[train], y[train], mean, std, task["augmentation"]),
        Examples(x[validation], y[validation], mean, std, []),
        Examples(x_test, y_test, mean, std, []),
    )
    return made, x.shape[1:], int(y.max()) + 1
