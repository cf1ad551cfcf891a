"""What ResNet-18 gains where its maps are small: convolutions by matrix products, Adam in the order of memory.

Each line holds paribus' way against PyTorch's own, forward and backward, in turn, n times, on one thread: lower
quartile, median and upper quartile of the ratio of times (above 1: paribus is faster), and the medians in ms.

    python benchmarks/small_maps/run.py [--n 21] > benchmarks/small_maps/table.md
"""

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn, optim
from torch.nn.functional import cross_entropy

from paribus.kernels.block import Block, Parts
from paribus.kernels.dropout import Chance
from paribus.kernels.lower import lower
from paribus.kernels.places import FewPlaces
from paribus.models.build import build
from paribus.spec import AdamSpec, ResNet18Spec
from paribus.training.optimiser import make_optimizer

BATCH = 64
CONVOLUTIONS = {  # of ResNet-18 with ImageNet's stem, at 32 x 32
    "256 to 256, on 2 x 2": (nn.Conv2d(256, 256, 3, padding=1, bias=False), 2),
    "128 to 256 by 2, on 4 x 4": (nn.Conv2d(128, 256, 3, 2, 1, bias=False), 4),
    "256 to 512 by 2, on 2 x 2": (nn.Conv2d(256, 512, 3, 2, 1, bias=False), 2),
    "512 to 512, on 1 x 1": (nn.Conv2d(512, 512, 3, padding=1, bias=False), 1),
}
NORMS = ((64, 16), (64, 8), (128, 4), (256, 2), (512, 1))
Call = Callable[[], object]


def there_and_back(run: nn.Module, shape: tuple[int, ...], precision: str) -> Call:
    x = torch.randn(shape).contiguous(memory_format=torch.channels_last).requires_grad_()

    def call() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            run(x).sum().backward()

    return call


def training_step(ours: bool, precision: str) -> Call:
    torch.manual_seed(0)
    model = build(ResNet18Spec(name="resnet18"), (3, 32, 32), 10)
    run = lower(model) if ours else model
    parameters = list(model.parameters())
    optimizer = make_optimizer(AdamSpec(name="adam"), parameters) if ours else optim.Adam(parameters, fused=True)
    x = torch.randn(BATCH, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    y = torch.randint(10, (BATCH,))

    def call() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            logits = run(x)
        optimizer.zero_grad()
        cross_entropy(logits.float(), y).backward()
        optimizer.step()

    return call


def step_of_adam(ours: bool) -> Call:
    parameters = list(build(ResNet18Spec(name="resnet18"), (3, 32, 32), 10).parameters())
    for each in parameters:
        each.grad = torch.randn_like(each)
    return (make_optimizer(AdamSpec(name="adam"), parameters) if ours else optim.Adam(parameters, fused=True)).step


def cases() -> Iterator[tuple[str, str, Call, Call]]:
    for precision in ("fp32", "bf16"):
        for name, (layer, size) in CONVOLUTIONS.items():
            plain = layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            shape = (BATCH, layer.in_channels, size, size)
            calls = [there_and_back(run, shape, precision) for run in (plain, FewPlaces(plain))]
            yield f"convolution {name}", precision, *calls
        for channels, size in NORMS:
            norm, shape = nn.BatchNorm2d(channels), (BATCH, channels, size, size)
            both = nn.Sequential(norm, nn.ReLU()), Block(Parts(norm, post=nn.ReLU()), "", Chance())
            calls = [there_and_back(run, shape, precision) for run in both]
            yield f"norm and ReLU as one block, {channels} x {size} x {size} (not used)", precision, *calls
        yield "a step of ResNet-18", precision, *(training_step(ours, precision) for ours in (False, True))
    yield "Adam on ResNet-18", "fp32", step_of_adam(False), step_of_adam(True)


def seconds(call: Call, times: int) -> float:
    before = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - before) / times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=21)
    n = parser.parse_args().n
    torch.set_num_threads(1)
    print("| what | precision | PyTorch (ms) | paribus (ms) | times as fast |\n|---|---|---|---|---|")
    for name, precision, plain, ours in cases():
        for call in (plain, ours):
            seconds(call, 3)
        times = max(1, round(0.02 / seconds(plain, 3)))
        found = np.array([[seconds(call, times) for call in (plain, ours)] for _ in range(n)])
        low, middle, high = np.quantile(found[:, 0] / found[:, 1], (0.25, 0.5, 0.75))
        theirs, own = 1000 * np.median(found, axis=0)
        print(
            f"| {name} | {precision} | {theirs:.2f} | {own:.2f} | {middle:.2f} ({low:.2f} to {high:.2f}) |", flush=True
        )


if __name__ == "__main__":
    main()
