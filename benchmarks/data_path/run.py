"""How long the augmentation of a batch of 128 takes: paribus, kornia, and Pillow image by image as torchvision has it.

R2's and R3's augmentations on real images, one thread, all ways in turn, n times; then a training step of the network
that stands after it, lowered, so that its share can be told. Bytes go in, what the network takes comes out.

    pip install kornia
    PARIBUS_DATA=FOLDER python benchmarks/data_path/run.py [--n 15]
"""

import argparse
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

sys.path.insert(0, str(Path(__file__).parents[1] / "train_speed"))

from run import quartiles
from task import R2, R3, Examples, images, network

from paribus.execute.memory import keep_memory
from paribus.kernels.lower import lower
from paribus.spec import Baseline, Precision
from paribus.training.augment import augmenter
from paribus.training.evaluate import casting
from paribus.training.examples import prepare
from paribus.validate import validate

BATCH, N_IMAGES = 128, 2048
Batch = Callable[[np.ndarray], torch.Tensor]


def ours(x: np.ndarray, augmentation: list[Any]) -> Batch:
    """As the loop does it."""
    from paribus.data.dataset import Dataset
    from paribus.data.normalise import fit

    plain = {"data": {"source": "digits"}, "model": {"name": "logistic"}, "train": {"augmentation": augmentation}}
    recipe = validate(Baseline, plain)
    n = len(x)
    dataset = Dataset(
        x=x, y=np.zeros(n, np.int64), ids=np.arange(n).astype(str), part=np.full(n, "train"), class_names=("a",),
        kind="image", description="",
    )  # fmt: skip
    rows = np.arange(n)
    examples = prepare(dataset, rows, fit(x, rows, recipe.data.normalise, "image"), torch.device("cpu"))
    augment = augmenter(recipe.train.augmentation, "image", n, 0, 1)
    return lambda who: examples.batch(torch.from_numpy(who), augment, torch.from_numpy(who))


def by_pillow(x: np.ndarray, augmentation: list[Any]) -> Batch:
    """Image by image, then stacked, as a `DataLoader` does it."""
    axes = (0, 2, 3)
    mean, std = (f(x, axes, keepdims=True)[0].astype(np.float32) for f in (np.mean, np.std))
    examples = Examples(x, np.zeros(len(x), np.int64), mean, std, augmentation)
    return lambda who: torch.stack([examples[i][0] for i in who])


def by_kornia(x: np.ndarray, augmentation: list[Any]) -> Batch:
    """The whole batch as floats."""
    import kornia.augmentation as k

    names = {a if isinstance(a, str) else a["name"]: a for a in augmentation}
    size = x.shape[-2:]
    steps = [k.RandomCrop(size, padding=4)] if "crop" in names else []
    steps += [k.RandomHorizontalFlip(0.5), k.RandomRotation(names["rotation"]["degrees"], p=1.0)]
    mean, std = (torch.from_numpy(f(x, (0, 2, 3)).astype(np.float32)) for f in (np.mean, np.std))
    run = k.AugmentationSequential(*steps, k.Normalize(mean, std), data_keys=["input"])
    return lambda who: run(torch.from_numpy(x[who]).float())


def step(name: str, x: np.ndarray, precision: Precision) -> Callable[[np.ndarray], None]:
    """Forward, backward, Adam."""
    shape = x.shape[1:]
    model = network({"model": name}, "relu", 0, shape, 10).to(memory_format=torch.channels_last)
    fast, optimizer = lower(model.train()), torch.optim.Adam(model.parameters(), fused=True)
    batch = torch.randn(BATCH, *shape).contiguous(memory_format=torch.channels_last)
    y = torch.randint(10, (BATCH,))

    def run(_: np.ndarray) -> None:
        with casting(torch.device("cpu"), precision):
            logits = fast(batch)
        optimizer.zero_grad()
        cross_entropy(logits.float(), y).backward()
        optimizer.step()

    return run


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=15)
    n = parser.parse_args().n
    warnings.simplefilter("ignore")
    keep_memory()
    torch.set_num_threads(1)
    data = Path(os.environ["PARIBUS_DATA"])
    print(
        f"{platform.machine()}, one thread of {os.cpu_count()} cores, n = {n}; "
        f"ms a batch of {BATCH}: median (quartiles)\n"
    )
    print("| images | way | ms | times as long as paribus |\n|---|---|---|---|")
    for label, source, augmentation, model in (
        ("CIFAR-10, R3: crop, flip, rotation", "cifar10", R3, "simple_cnn"),
        ("FER2013, R2: flip, rotation", "fer2013", R2, "face_cnn"),
    ):
        x = images(data / f"{source}.parquet", N_IMAGES, 10)["x"]
        ways: dict[str, Callable[[np.ndarray], Any]] = {
            "paribus": ours(x, augmentation),
            "kornia": by_kornia(x, augmentation),
            "Pillow, image by image": by_pillow(x, augmentation),
            f"(a step of {model}, fp32)": step(model, x, "fp32"),
            f"(a step of {model}, bf16)": step(model, x, "bf16"),
        }
        rng, ms = np.random.default_rng(0), {name: [] for name in ways}
        for i in range(n + 2):  # the first two warm up
            who = np.sort(rng.permutation(N_IMAGES)[:BATCH])
            for name, run in ways.items():
                before = time.perf_counter()
                run(who)
                if i > 1:
                    ms[name].append(1e3 * (time.perf_counter() - before))
        for name, values in ms.items():
            q = quartiles(values)
            ratio = statistics.median(a / b for a, b in zip(values, ms["paribus"], strict=True))
            print(f"| {label} | {name} | {q[1]:.1f} ({q[0]:.1f} to {q[2]:.1f}) | {ratio:.1f} |")


if __name__ == "__main__":
    main()
