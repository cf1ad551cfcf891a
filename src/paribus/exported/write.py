"""A checkpoint as one ONNX file, by PyTorch's exporter without TorchScript, held against our own predictions."""

import hashlib
import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from paribus.analysis.decide import argmax, decide
from paribus.analysis.metrics import log_probabilities
from paribus.data.fingerprint import fingerprint
from paribus.data.normalise import Normalisation
from paribus.data.sources import load_moved
from paribus.errors import CheckpointError, DataError
from paribus.exported.about import About
from paribus.exported.session import BATCH, INPUT, LOGITS, PROBABILITIES, Opened, first_line, open_bytes, require
from paribus.spec import ImageCommon, NpzData
from paribus.training.checkpoint import Description, load, write_atomically
from paribus.training.reuse import logits_of

TOLERANCE = 1e-4
"""Of probabilities, and of logits relative to the largest: sums in another order differ by some 1e-6."""
MOST_EXAMPLES = 512
"""That the file is tried on; they are taken evenly from the test part."""
MADE_EXAMPLES = 64
BATCHES = (1, 7, BATCH)
"""Sizes that the file is tried with; the small ones on their first seven batches."""
LARGEST = 2**31 - 2**24
"""Bytes of weights: Protocol Buffers end at 2 GB, and the graph takes its part."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two ways to the same predictions lie apart."""

    probability: float
    """The largest between two probabilities, absolute."""
    n_named: int
    """Examples of which another class is named."""


@dataclass(frozen=True, slots=True)
class Export:
    """An exported file, and how it was checked."""

    path: Path
    n_bytes: int
    about: About
    dtype: str
    """Of its input, ``uint8`` or ``float32``."""
    n: int
    """Examples that it was tried on."""
    missing: str
    """Why they were made up; empty where they are of the test part."""
    difference: Difference
    """From paribus' predictions in float32."""
    bf16: Difference | None
    """From paribus' own, where these are in bf16."""


def export(checkpoint: Path, path: Path, *, data_path: str | None = None, allow_import: bool = False) -> Export:
    """Write a checkpoint as an ONNX file that takes raw examples, and see that it predicts what paribus predicts.

    Its input ``x`` is (N, C, H, W) as the data's source gives it, uint8 pixels or float32; its outputs ``logits`` and
    ``probabilities`` are (N, n_classes) float32. Normalisation is inside, in float64 as in training. What else
    predicting needs stands in its metadata, under names that begin with ``paribus.``.

    Args:
        checkpoint: path of the weights or their description.
        path: of the file to write, ending in ``.onnx``; one that is there is replaced.
        data_path: where the data are now, when they have moved. Without data the file is tried on noise.
        allow_import: a network that is not of paribus may be imported, which runs its code.

    Raises:
        ParibusError: the extra `export` is not installed.
        ImportRefused: it is such a network, and that is not allowed.
        CheckpointError: the checkpoint is damaged, its network cannot be exported, predicts otherwise in ONNX, or the
            file cannot be written; or neither it nor data at hand say whether it takes uint8 or float32.
        DataError: there are no such data at ``data_path``.
    """
    require("onnx", "onnxscript", "onnxruntime")
    if path.suffix.lower() != ".onnx":
        raise CheckpointError(f"the file must end in .onnx, got {path}: predict knows it by that")
    description, model = load(checkpoint, allow_import=allow_import)
    x, missing = _examples(checkpoint, description, data_path)
    about = About(
        version=version("paribus"),
        trial_id=description.trial_id,
        kind=description.kind,
        input_shape=description.input_shape,
        class_names=description.class_names,
        resize=description.resized,
        rule=description.rule,
        channel_names=description.channel_names,
        sfreq_hz=description.sfreq_hz,
    )
    content = _content(_Raw(model, description).eval(), about, torch.from_numpy(x[:1].repeat(2, axis=0)))
    opened = open_bytes(content, str(path))
    difference = _checked(opened, description, model, x, path)
    bf16 = None
    if description.spec.train.precision != "fp32":
        bf16 = _difference(opened.logits(x), logits_of(description, model, x, description.spec.train.precision), about)
    write_atomically(path, content)
    return Export(path, len(content), about, str(x.dtype), len(x), missing, difference, bf16)


# ---------------------------------------------------------------- the file


class _Raw(nn.Module):
    """A network that takes what its data's source gives; `data.normalise.apply` in PyTorch, and softmax."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, model: nn.Module, description: Description) -> None:
        super().__init__()
        self.model = model
        self.own = description.normalisation.name == "example"
        self.others = tuple(i for i in (1, 2, 3) if i != (1 if description.normalisation.axis == "channel" else 2))
        self.n = math.prod(description.input_shape[i - 1] for i in self.others)
        constants = _constants(description.normalisation)
        self.fixed = constants is not None
        mean, std = constants or (np.zeros(1), np.ones(1))
        self.register_buffer("mean", torch.from_numpy(mean), persistent=False)
        self.register_buffer("std", torch.from_numpy(std), persistent=False)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = x.double()
        if self.own:
            x = x - x.sum(self.others, keepdim=True) / self.n  # a sum and a quotient: exact where all values are equal
            std = ((x * x).sum(self.others, keepdim=True) / self.n).sqrt()
            x = x / torch.where(std == 0, 1.0, std)
        elif self.fixed:
            x = (x - self.mean) / self.std
        logits = self.model(x.float()).float()
        return logits, torch.softmax(logits, dim=1)


def _constants(normalisation: Normalisation) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """Mean and standard deviation in a shape to broadcast over (N, C, H, W)."""
    if normalisation.mean is None or normalisation.std is None:
        return None
    shape = (1, -1, 1, 1) if normalisation.axis == "channel" else (1, 1, -1, 1)
    return np.array(normalisation.mean).reshape(shape), np.array(normalisation.std).reshape(shape)


def _content(raw: nn.Module, about: About, example: torch.Tensor) -> bytes:
    """The file. What it says of itself stands at its end, under a digest of all that goes before."""
    import onnx

    if sum(value.nbytes for value in (*raw.parameters(), *raw.buffers())) > LARGEST:
        raise CheckpointError(f"one ONNX file holds less than 2 GB, the weights of {about.trial_id} take more")
    try:
        with _quietly(), torch.no_grad():
            program: Any = torch.onnx.export(
                raw,
                (example,),
                dynamo=True,
                input_names=[INPUT],
                output_names=[LOGITS, PROBABILITIES],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                verbose=False,
            )
            model = program.model_proto
    except Exception as error:  # a network of one's own may hold anything
        raise CheckpointError(
            f"the network of {about.trial_id} cannot be exported to ONNX: {_reason(error)}; a network of one's own "
            "must have steps that ONNX has, and take the same ones whatever the values"
        ) from None
    _forget(model)
    model.producer_name, model.producer_version = "paribus", about.version
    rest: bytes = model.SerializeToString()
    properties = about.to_properties(hashlib.sha256(rest).hexdigest())
    entries = [onnx.StringStringEntryProto(key=name, value=text) for name, text in properties.items()]
    said: bytes = onnx.ModelProto(metadata_props=entries).SerializeToString()
    return rest + said  # messages that follow each other are one


def _forget(model: Any) -> None:
    """What the exporter notes of this machine: where in its files each step comes from."""
    graph = model.graph
    for each in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        del each.metadata_props[:]
        each.ClearField("doc_string")


def _reason(error: BaseException) -> str:
    """The first error: the exporter wraps it in advice of its own."""
    while error.__cause__ is not None:
        error = error.__cause__
    return first_line(error)


@contextmanager
def _quietly() -> Iterator[None]:
    """The exporter logs, warns and prints: of packages that nobody asked for, of PyTorch's own ways, whole graphs."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stderr(StringIO()), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


# ---------------------------------------------------------------- examples to try it on


def _examples(checkpoint: Path, description: Description, data_path: str | None) -> tuple[npt.NDArray[Any], str]:
    """Raw examples, of the test part or made up, and why they are made up."""
    try:
        dataset = load_moved(description.spec.data, data_path)
    except DataError as error:
        if data_path is not None:
            raise
        return _made(checkpoint, description), str(error)
    if fingerprint(dataset) != description.fingerprint:
        why = f"the data are not those that {checkpoint} was trained on (their content differs)"
        if data_path is not None:
            raise CheckpointError(f"{why}; name the right ones with --data-path, or leave it out")
        return _made(checkpoint, description), why
    rows = np.flatnonzero(dataset.part == "test")
    some = np.linspace(0, len(rows) - 1, min(len(rows), MOST_EXAMPLES)).astype(np.int64)
    return dataset.x[rows[some]], ""


def _made(checkpoint: Path, description: Description) -> npt.NDArray[Any]:
    """Noise of the size and type of the data: even over pixels, else normal about the constants of normalisation.

    The file takes what it was tried on, so the type is never guessed.
    """
    rng, shape = np.random.default_rng(0), (MADE_EXAMPLES, *description.input_shape)
    dtype = description.dtype or _dtype_by_source(description)
    if not dtype:
        raise CheckpointError(
            f"the data of {checkpoint} cannot be had, and it was saved by a paribus that did not note whether its "
            "images are uint8 or float32, which is what the exported file would take: give the data with --data-path"
        )
    if dtype == "uint8":
        return rng.integers(0, 256, shape, dtype=np.uint8)
    mean, std = _constants(description.normalisation) or (0.0, 1.0)
    return (rng.normal(size=shape) * std + mean).astype(np.float32)


def _dtype_by_source(description: Description) -> str:
    """Of a checkpoint that does not say; empty where the source has both types."""
    if isinstance(description.spec.data, ImageCommon):
        return "uint8"
    return "" if description.kind == "image" and isinstance(description.spec.data, NpzData) else "float32"


# ---------------------------------------------------------------- the check


def _checked(opened: Opened, description: Description, model: nn.Module, x: npt.NDArray[Any], path: Path) -> Difference:
    ours = logits_of(description, model, x, "fp32")
    found = []
    for size in BATCHES:
        rows = slice(0, len(x) if size == BATCH else 7 * size)
        starts = range(0, len(x[rows]), size)
        logits, probabilities = map(
            np.concatenate, zip(*(opened.run(x[rows][i : i + size]) for i in starts), strict=True)
        )
        one = _difference(logits, ours[rows], opened.about, probabilities)
        far = float(np.abs(logits - ours[rows]).max())
        if not (one.probability <= TOLERANCE and far <= TOLERANCE * max(1.0, float(np.abs(ours[rows]).max()))):
            raise CheckpointError(  # also where one of them is no number
                f"{path} is not written: in batches of {size} the exported network's logits differ from paribus' own "
                f"by up to {far:.3g}, probabilities by {one.probability:.3g}, {one.n_named} of {len(logits)} "
                f"predictions; rounding would be below {TOLERANCE:g}. What a network gives for an example must not "
                "depend on the rest of its batch, nor on chance"
            )
        found.append(one)
    return Difference(max(one.probability for one in found), max(one.n_named for one in found))


def _difference(
    logits: npt.NDArray[np.float32],
    ours: npt.NDArray[np.float32],
    about: About,
    probabilities: npt.NDArray[np.floating] | None = None,
) -> Difference:
    given = np.exp(log_probabilities(logits)) if probabilities is None else probabilities
    rule = about.rule or argmax(len(about.class_names))
    return Difference(
        probability=float(np.abs(given - np.exp(log_probabilities(ours))).max()),
        n_named=int((decide(rule, logits) != decide(rule, ours)).sum()),
    )
