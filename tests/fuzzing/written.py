"""Spoilt files of what paribus itself writes (checkpoints, stores, exported networks), and pickles; what reads them."""

import copy
import hashlib
import json
import pickle
import random
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as save_tensors

from conformance.build import make_planned, make_record, make_study
from conformance.checkpoints import make_description
from exported.by_hand import linear, signed
from fuzzing.spoil import spoilt_bytes, spoilt_text, spoilt_tree
from paribus.exported.session import open_file
from paribus.models.build import build
from paribus.spec import TrialSpec
from paribus.store import open_store
from paribus.training.checkpoint import _digest, save
from paribus.validate import validate


@cache
def _checkpoint() -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    spec = validate(TrialSpec, {"data": {"source": "digits"}, "model": {"name": "dnn", "widths": [4]}})
    state = build(spec.model, (1, 2, 3), 2).state_dict()
    description = make_description(spec, (1, 2, 3))
    with tempfile.TemporaryDirectory() as folder:
        path = save(Path(folder), description, state)
        return json.loads(path.with_suffix(".json").read_text()), state


MODELS = ("dnn", "logistic", "eegnet", "deepconvnet", "simple_cnn", "resnet18", "face_cnn", "face_cnn_large", "a.b:C")


def checkpoint(r: random.Random, path: Path) -> None:
    """With digests that are right as often as not: who spoils a file can also sign it anew."""
    meta, state = copy.deepcopy(_checkpoint()[0]), dict(_checkpoint()[1])
    content = save_tensors(state)
    if r.random() < 0.15:
        meta["spec"]["model"]["name"] = r.choice(MODELS)
    if r.random() < 0.2:
        meta["input_shape"] = [r.choice((1, 3, 64, 10**6, 2**31, 2**62)) for _ in range(3)]
    if r.random() < 0.1:
        meta["spec"]["model"]["widths"] = [r.choice((1, 10**9, 2**40, 2**63)) for _ in range(r.randrange(1, 4))]
    if r.random() < 0.1:
        meta["rule"] = {"name": "x", "offsets": [0, 0], "floors": None, "costs": None, "chosen": "", "sha256": "0"}
    if r.random() < 0.7:
        meta = spoilt_tree(meta, r)
    if r.random() < 0.3:
        size = int.from_bytes(content[:8], "little")
        header = spoilt_text(content[8 : 8 + size].decode(), r, ':,{}[]" ')
        content = r.choice((len(header), size, 2**40, 0)).to_bytes(8, "little") + header + content[8 + size :]
    elif r.random() < 0.1:
        content = spoilt_bytes(content, r)
    if isinstance(meta, dict) and r.random() < 0.7:
        content = _signed(meta, content)
        meta["weights_sha256"] = hashlib.sha256(content).hexdigest()
    written = json.dumps(meta, ensure_ascii=r.random() < 0.5).encode("utf-8", "surrogatepass")
    path.write_bytes(spoilt_bytes(written, r) if r.random() < 0.1 else written)
    path.with_suffix(".safetensors").write_bytes(content)


def _signed(meta: dict[str, Any], content: bytes) -> bytes:
    """The weights with the description's digest in their header, where they have one."""
    plain = {key: value for key, value in meta.items() if key not in ("rule", "weights_sha256")}
    size = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + size])
        header["__metadata__"] = {"description_sha256": _digest(plain)}
    except (ValueError, TypeError, RecursionError):
        return content
    encoded = json.dumps(header).encode()
    return len(encoded).to_bytes(8, "little") + encoded + content[8 + size :]


@cache
def _store() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.db"
        with open_store(path, create=True) as store:
            store.add_study(make_study(), make_planned(make_study()), "")
            store.add(make_record())
        return path.read_bytes()


def store(r: random.Random, path: Path) -> None:
    content = bytearray(_store())
    for _ in range(r.choice((1, 2, 8))):  # a page is mostly empty: where there is something
        at = r.randrange(len(content))
        at = next((i for i in range(at, len(content)) if content[i]), at)
        content[at] = r.randrange(256)
    path.write_bytes(bytes(content) if r.random() < 0.8 else spoilt_bytes(_store(), r))


def read_store(path: Path) -> None:
    with open_store(path, read_only=True) as opened:
        opened.studies()
        opened.records(["t0", "t1"])
        opened.failures(["t0", "t1"])


@cache
def _pickles() -> tuple[bytes, ...]:
    batch = {b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 9], b"filenames": [b"a", b"b"]}
    return tuple(pickle.dumps(batch, protocol) for protocol in range(3))


def pickled(r: random.Random, path: Path) -> None:
    content = r.choice(_pickles())
    at = r.randrange(140)
    content = content[:at] + spoilt_bytes(content[at : at + 60], r) + content[at + 60 :]
    path.write_bytes(content)


@cache
def _onnx() -> bytes:
    return linear().SerializeToString()


def onnx(r: random.Random, path: Path) -> None:
    """The graph spoilt and signed again, or what is signed spoilt."""
    if r.random() < 0.7:
        path.write_bytes(signed(spoilt_bytes(_onnx(), r)))
    else:
        path.write_bytes(spoilt_bytes(signed(_onnx()), r))


def read_onnx(path: Path) -> None:
    opened = open_file(path)
    opened.logits(np.ones((3, *opened.about.input_shape), opened.dtype))
