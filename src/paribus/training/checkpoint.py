"""A trained network on disk: weights as safetensors, all else that predicting needs as JSON beside them. No pickle."""

import hashlib
import json
import os
import re
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import nn

from paribus.consent import allowed, what_it_runs
from paribus.data.dataset import Kind
from paribus.data.normalise import Normalisation
from paribus.errors import CheckpointError, ImportRefused, ModelError, StudyError
from paribus.machine import available_memory
from paribus.models.build import build
from paribus.models.custom import code_digest
from paribus.record import Rule
from paribus.spec import ModuleSpec, TrialSpec
from paribus.validate import validate

CHECKPOINT_VERSION = 1
MOST_THREADS = 1024
LARGEST_DESCRIPTION = 20_000_000
"""In bytes; as a rule it has a few thousand."""


@dataclass(frozen=True, slots=True)
class SavedScore:
    """What the network scored on test when it was saved, so that a reload can be held against it."""

    n: int
    accuracy: float
    loss: float
    logits_sha256: str
    """Of the (n, n_classes) little-endian float32 bytes."""


@dataclass(frozen=True, slots=True)
class Description:
    """All that predicting needs beside the weights."""

    trial_id: str
    spec: TrialSpec
    fingerprint: str
    epoch: int
    input_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    kind: Kind
    normalisation: Normalisation
    threads: int
    """Predictions repeat to the last bit at this number of threads."""
    test: SavedScore
    code: str = ""
    """Of a network of one's own (`models.custom.code_digest`)."""
    dtype: str = ""
    """Of examples as the data's source gives them, ``uint8`` or ``float32``; empty in checkpoints that do not say."""
    channel_names: tuple[str, ...] = ()
    sfreq_hz: float | None = None
    """Of EEG, where the data said it."""
    rule: Rule | None = None
    """How classes are named; None for argmax. Put there by `keep_rule`."""

    @property
    def resized(self) -> bool:
        """Whether images were brought to one size before training, and so must be others."""
        return getattr(self.spec.data, "size", None) is not None


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that at every moment it is either whole or not there.

    Raises:
        CheckpointError: the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise CheckpointError(
            f"cannot write {path}: {error.strerror or error}; free space or choose another place, and run again"
        ) from error


def _sync_folder(folder: Path) -> None:
    """That the name survives a power cut too; where folders cannot be opened, as on Windows, it does as it is."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def save(folder: Path, description: Description, weights: dict[str, torch.Tensor]) -> Path:
    """Write ``TRIAL_ID.safetensors`` and ``TRIAL_ID.json``; returns the path of the weights.

    Raises:
        CheckpointError: the disk is full or the folder cannot be written.
    """
    meta = {
        "checkpoint_version": CHECKPOINT_VERSION,
        "trial_id": description.trial_id,
        "spec": description.spec.model_dump(mode="json"),
        "fingerprint": description.fingerprint,
        "epoch": description.epoch,
        "input_shape": list(description.input_shape),
        "class_names": list(description.class_names),
        "kind": description.kind,
        "normalisation": description.normalisation.to_json(),
        "threads": description.threads,
        "test": asdict(description.test),
        "code": description.code,
        "dtype": description.dtype,
        "channel_names": list(description.channel_names),
        "sfreq_hz": description.sfreq_hz,
    }
    tensors = {name: value.contiguous() for name, value in weights.items()}
    content = save_tensors(tensors, metadata={"description_sha256": _digest(meta)})
    meta["weights_sha256"] = hashlib.sha256(content).hexdigest()
    path = folder / f"{description.trial_id}.safetensors"
    write_atomically(path, content)
    write_atomically(path.with_suffix(".json"), json.dumps(meta, indent=1, ensure_ascii=False).encode())
    return path


def load(path: Path, *, allow_import: bool = False) -> tuple[Description, nn.Module]:
    """The description and the network with its trained weights, in evaluation mode, on the CPU.

    Args:
        path: of the ``.safetensors`` or the ``.json`` file, or both without their ending.
        allow_import: a network that is not of paribus may be imported, which runs its code.

    Raises:
        CheckpointError: a file is missing or damaged, of a newer version, or the weights do not fit the description.
        ImportRefused: it is a network that is not of paribus, and that is not allowed.
    """
    files = _read(path)
    meta_path, description = files.meta_path, replace(files.description, rule=_rule(files.meta, files.meta_path))
    spec = description.spec.model
    if isinstance(spec, ModuleSpec) and not allowed(allow_import):
        raise ImportRefused(str(meta_path), what_it_runs([spec.name]))
    try:
        weights = load_tensors(files.content)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{files.weights_path} is damaged: {error}") from None
    shape, n_classes = description.input_shape, len(description.class_names)
    try:
        if description.code and description.code != code_digest(spec):
            raise ModelError(
                f"the source of {spec.name} has changed since this was trained, and with it the "
                "weights would mean something else: put it back as it was"
            )
        if not isinstance(spec, ModuleSpec):  # first without memory, of which a description could ask for any amount
            with torch.device("meta"):
                _must_fit(build(spec, shape, n_classes), weights, files)
        model = build(spec, shape, n_classes)
    except (ModelError, RuntimeError, ValueError, TypeError, ArithmeticError, MemoryError) as error:
        raise CheckpointError(f"{meta_path}: {error}") from None
    _must_fit(model, weights, files)
    _unchanged(files)
    model.load_state_dict(weights)
    return description, model.eval()


def check(path: Path) -> Description:
    """The description of a checkpoint whose files are as they were saved, without its rule; builds and imports nothing.

    Raises:
        CheckpointError: a file is missing, damaged or changed.
    """
    files = _read(path)
    _unchanged(files)
    return files.description


@dataclass(frozen=True, slots=True)
class _Files:
    """Both files as they were read, before anybody believes them."""

    meta_path: Path
    weights_path: Path
    meta: dict[str, Any]
    description: Description
    content: bytes
    """Of the weights."""


def _read(path: Path) -> _Files:
    if path.is_dir() or not path.name:
        raise CheckpointError(f"{path} is a folder: name a checkpoint in it, as RUN/checkpoints/ID.safetensors")
    path = path if path.suffix in (".safetensors", ".json") else path.with_name(path.name + ".safetensors")
    meta_path, weights_path = path.with_suffix(".json"), path.with_suffix(".safetensors")
    meta = _read_meta(meta_path)
    description = _description(meta, meta_path)
    try:
        if 2 * weights_path.stat().st_size > available_memory():
            raise CheckpointError(f"the weights {weights_path} do not fit into this machine's free memory, twice")
        content = weights_path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"cannot read the weights {weights_path}: {error.strerror}") from None
    return _Files(meta_path, weights_path, meta, description, content)


def _unchanged(files: _Files) -> None:
    meta = {key: value for key, value in files.meta.items() if key not in ("rule", "weights_sha256")}
    if hashlib.sha256(files.content).hexdigest() != files.meta.get("weights_sha256"):
        raise CheckpointError(
            f"{files.weights_path} is not the file that {files.meta_path.name} describes: its content has changed"
        )
    if _stored_digest(files.content) != _digest(meta):
        raise CheckpointError(
            f"{files.meta_path} has changed since it was saved: with it, {files.weights_path.name} would predict "
            "something else"
        )


def keep_rule(path: Path, rule: Rule | None) -> None:
    """Put a decision rule into a checkpoint, in place of the one that is there; None for argmax.

    Args:
        path: of a checkpoint, as for `load`.
        rule: for its classes.

    Raises:
        CheckpointError: as `check`, or the file cannot be written.
    """
    description = check(path)
    path = path.with_name(f"{description.trial_id}.json")
    meta = _read_meta(path)
    meta.pop("rule", None)
    if rule is not None:
        plain = rule.to_json()
        meta["rule"] = {**plain, "sha256": _digest({**plain, "weights_sha256": meta["weights_sha256"]})}
    write_atomically(path, json.dumps(meta, indent=1, ensure_ascii=False).encode())


def _rule(meta: dict[str, Any], path: Path) -> Rule | None:
    """A rule is not under the description's digest, so that it can come later; it has one of its own."""
    if meta.get("rule") is None:
        return None
    try:
        given = dict(meta["rule"])
        if given.pop("sha256") != _digest({**given, "weights_sha256": meta["weights_sha256"]}):
            raise ValueError("its decision rule has changed since it was kept")
        return Rule.from_json(given, len(meta["class_names"]))
    except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise CheckpointError(
            f"{path} holds a decision rule that cannot be used ({error}): keep it anew with `paribus decide RUN --keep`"
        ) from None


def _digest(meta: dict[str, Any]) -> str:
    """SHA-256 of a description as canonical JSON, kept with the weights so that neither changes alone."""
    text = json.dumps(meta, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _stored_digest(content: bytes) -> object:
    """The digest in the header of a safetensors file that has been read already: 8 bytes of length, then JSON."""
    try:
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return header.get("__metadata__", {}).get("description_sha256")
    except (ValueError, AttributeError, RecursionError):  # no such file
        return None


def _read_meta(path: Path) -> dict[str, Any]:
    try:
        if (size := path.stat().st_size) > LARGEST_DESCRIPTION:
            raise CheckpointError(f"a description has at most {LARGEST_DESCRIPTION} bytes, {path} has {size}")
        meta = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"no checkpoint here: {path} does not exist") from None
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not a checkpoint's description: {error}") from None
    version = meta.get("checkpoint_version") if isinstance(meta, dict) else None
    if not isinstance(version, int):
        raise CheckpointError(f"{path} is not a checkpoint's description: it has no checkpoint_version")
    if version > CHECKPOINT_VERSION:
        raise CheckpointError(
            f"{path} is of version {version}, this paribus reads up to {CHECKPOINT_VERSION}: upgrade paribus"
        )
    return meta  # type: ignore[no-any-return]


def _description(meta: dict[str, Any], path: Path) -> Description:
    try:
        channels, height, width = (int(size) for size in meta["input_shape"])
        threads, names = int(meta["threads"]), meta["class_names"]
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}", meta["trial_id"]):  # names files
            raise ValueError("trial_id must be letters and digits")
        if min(channels, height, width) < 1 or not 1 <= threads <= MOST_THREADS:
            raise ValueError("input_shape and threads must be above 0")
        if not isinstance(names, list) or len({str(name) for name in names}) < max(len(names), 2):
            raise ValueError("class_names must be a list of two or more different names")
        if (dtype := meta.get("dtype", "")) not in ("", "uint8", "float32"):
            raise ValueError("dtype must be uint8 or float32")
        return Description(
            trial_id=str(meta["trial_id"]),
            spec=validate(TrialSpec, meta["spec"]),
            fingerprint=str(meta["fingerprint"]),
            epoch=int(meta["epoch"]),
            input_shape=(channels, height, width),
            class_names=tuple(str(name) for name in names),
            kind="eeg" if meta["kind"] == "eeg" else "image",
            normalisation=Normalisation.from_json(meta["normalisation"]),
            threads=threads,
            test=SavedScore(
                n=int(meta["test"]["n"]),
                accuracy=float(meta["test"]["accuracy"]),
                loss=float(meta["test"]["loss"]),
                logits_sha256=str(meta["test"]["logits_sha256"]),
            ),
            code=str(meta.get("code", "")),
            dtype=dtype,
            channel_names=tuple(str(name) for name in meta.get("channel_names", [])),
            sfreq_hz=None if meta.get("sfreq_hz") is None else float(meta["sfreq_hz"]),
        )
    except (StudyError, KeyError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise CheckpointError(f"{path} is not a checkpoint's description: {error}") from None


def _must_fit(model: nn.Module, weights: dict[str, torch.Tensor], files: _Files) -> None:
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in weights.items()}
    if expected == given:
        return
    differing = sorted(expected.items() ^ given.items())
    name = differing[0][0]
    raise CheckpointError(
        f"the weights in {files.weights_path} do not fit the network in {files.meta_path.name}: "
        f"`{name}` must have shape {expected.get(name, 'none')}, has {given.get(name, 'none')}"
    )
