"""Classes and probabilities of new examples, by a checkpoint or an exported file, which needs no torch."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from paribus.analysis.decide import argmax, decide
from paribus.analysis.metrics import log_probabilities
from paribus.data.audit import finite, whole_bytes
from paribus.data.examples import holds_images, read_examples
from paribus.data.normalise import Normalisation
from paribus.data.npz import recorded
from paribus.errors import DataError
from paribus.record import Rule

_FAR = 30.0
"""Times that the examples of one recording or camera never vary more, or less, than those of training."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a network says of examples whose classes are not known."""

    examples: tuple[str, ...]
    """The file of each, or its place in the array."""
    class_names: tuple[str, ...]
    probabilities: npt.NDArray[np.float64]
    """(n, n_classes)."""
    named: npt.NDArray[np.int64]
    """(n,) the class that the checkpoint's decision rule names."""
    rule: str
    """Its name, ``argmax`` as a rule."""
    doubt: str = ""
    """Why the examples may be in other units than those of training, in words; of an exported file never known."""


@dataclass(frozen=True, slots=True, eq=False)
class _Network:
    """A trained network, wherever it came from."""

    input_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    resize: bool
    rule: Rule | None
    dtype: str
    """Of the examples of training, ``uint8`` pixels or ``float32``; empty where that is not known."""
    channel_names: tuple[str, ...]
    sfreq_hz: float | None
    """Of the EEG of training, where they are known."""
    logits: Callable[[npt.NDArray[Any]], npt.NDArray[np.float32]]
    """Raw examples (n, C, H, W) -> (n, n_classes)."""
    normalisation: Normalisation | None = None
    """Where its constants can be read."""


def predict(checkpoint: Path, file: Path, *, allow_import: bool = False) -> Prediction:
    """Probabilities of each example in a file, and the class that the network's decision rule names.

    Args:
        checkpoint: path of the weights or their description, or of an exported ``.onnx`` file; that needs no torch.
        file: ``.npz`` (array ``x``), ``.npy`` or ``.ts``, an image or a folder of images, shaped as those of training.
        allow_import: a network that is not of paribus may be imported, which runs its code; not of ``.onnx`` files.

    Raises:
        ImportRefused: it is such a network, and that is not allowed.
        CheckpointError, DataError: either cannot be read, or the examples do not fit the network: they have another
            shape, other units, or say that they have other channels or another sampling rate than those of training.
        ParibusError: onnxruntime is not installed.
    """
    network = _exported(checkpoint) if checkpoint.suffix.lower() == ".onnx" else _reloaded(checkpoint, allow_import)
    x, names = read_examples(file, network.input_shape, resize=network.resize)
    if x.shape[1:] != network.input_shape:
        raise DataError(f"{file} holds examples of shape {x.shape[1:]}, the network takes {network.input_shape}")
    if file.suffix == ".npz":
        _refuse_other_recording(file, network)
    _refuse(file, ~finite(x), "hold NaN or infinite values")
    if network.dtype == "float32" and holds_images(file):
        raise DataError(
            f"{file}: pixels of image files are from 0 to 255, and {checkpoint} was trained on other values: give "
            "them as an array of such values, in .npy or .npz"
        )
    if network.dtype == "uint8":
        _refuse(file, ~whole_bytes(x), f"hold values that {checkpoint} does not take: whole numbers from 0 to 255")
    logits = network.logits(x)
    _refuse(file, ~finite(logits), "have values too large for the network")
    rule = network.rule or argmax(len(network.class_names))
    return Prediction(
        examples=names,
        class_names=network.class_names,
        probabilities=np.exp(log_probabilities(logits)),
        named=decide(rule, logits),
        rule=rule.name,
        doubt=_doubt(x, network.normalisation),
    )


def _doubt(x: npt.NDArray[Any], normalisation: Normalisation | None) -> str:
    """By how much these examples vary more or less than those of training, where that is far beyond chance.

    Volts in place of microvolts, or pixels in place of shares of white, would get some class without a word.
    """
    if (
        normalisation is None or normalisation.name != "train" or normalisation.std is None
    ):  # others know nothing of the training part's units
        return ""
    others = (0, 2, 3) if normalisation.axis == "channel" else (0, 1, 3)
    spread = float(np.median(x.std(axis=others, dtype=np.float64) / normalisation.std))
    if spread == 0 or 1 / _FAR <= spread <= _FAR:  # an image of a single colour does not vary
        return ""
    told = f"{spread:,.0f} times more" if spread > 1 else f"{1 / spread:,.0f} times less"
    return f"these examples vary {told} than those of training: are they in the same units?"


def _reloaded(checkpoint: Path, allow_import: bool) -> _Network:
    from paribus.training.checkpoint import load
    from paribus.training.reuse import logits_of

    description, model = load(checkpoint, allow_import=allow_import)
    return _Network(
        input_shape=description.input_shape,
        class_names=description.class_names,
        resize=description.resized,
        rule=description.rule,
        dtype=description.dtype,
        channel_names=description.channel_names,
        sfreq_hz=description.sfreq_hz,
        logits=lambda x: logits_of(description, model, x),
        normalisation=description.normalisation,
    )


def _exported(file: Path) -> _Network:
    from paribus.exported.session import open_file

    opened = open_file(file)
    about = opened.about
    return _Network(
        input_shape=about.input_shape,
        class_names=about.class_names,
        resize=about.resize,
        rule=about.rule,
        dtype=np.dtype(opened.dtype).name,
        channel_names=about.channel_names,
        sfreq_hz=about.sfreq_hz,
        logits=lambda x: opened.logits(x.astype(opened.dtype, copy=False)),
    )


def _refuse_other_recording(file: Path, network: _Network) -> None:
    """Other electrodes in their places, or another rate, would be taken for those of training."""
    names, sfreq_hz = recorded(file)
    for i, (own, trained) in enumerate(zip(names, network.channel_names, strict=False)):
        if own.casefold() != trained.casefold():
            raise DataError(
                f"{file}: its channels must be those of training, in their order, and number {i} (from 0) is `{own}` "
                f"where it was `{trained}`: put them in the order {', '.join(network.channel_names)}"
            )
    if sfreq_hz and network.sfreq_hz and not math.isclose(sfreq_hz, network.sfreq_hz, rel_tol=1e-3):
        raise DataError(
            f"{file}: its sampling rate must be that of training, {network.sfreq_hz:g} Hz, got {sfreq_hz:g} Hz: "
            "resample it"
        )


def _refuse(file: Path, bad: npt.NDArray[np.bool_], what: str) -> None:
    if bad.any():
        raise DataError(f"{file}: {bad.sum()} examples {what}, the first is number {bad.argmax()} (from 0)")
