"""The state of a trial that has not ended yet: a file to go on from, to the bit, after whatever has killed it.

All draws of an epoch follow from the seed and the epoch (`rng`), so a state is weights, the optimiser's memory and what
the epochs gave; there is no generator to save. Two generations are kept: one damaged file costs an interval, not all.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import nn
from torch.optim import Optimizer

from paribus.errors import CheckpointError
from paribus.record import Environment, EpochRow
from paribus.training.checkpoint import write_atomically

STATES = "state"
"""Folder of the states inside a run folder."""
PREVIOUS = ".previous"
_MAGIC = b"paribus state 1\n"
_COST = 50.0
"""Between states by the clock, writing takes at most one part in so many of the time, however large the network."""

Weights = dict[str, torch.Tensor]


@dataclass(slots=True, eq=False)
class Course:
    """How far one training has come: with the network and the optimiser, all that its next epoch depends on."""

    history: list[EpochRow] = field(default_factory=list)
    best: EpochRow | None = None
    best_weights: Weights = field(default_factory=dict)
    """Of the best epoch, on the CPU."""
    outputs: list[torch.Tensor] = field(default_factory=list)
    """Logits of validation after each epoch, in cross-validation."""


class TrialState:
    """A trial's state file. Without a path nothing is kept, and there is nothing to go on from.

    Args:
        path: of the file.
        key: of the trial and its environment; a state of another key is left aside.
        every: epochs, as ``10``, or seconds, as ``30s``, between two states; ``never``.
    """

    def __init__(self, path: Path | None = None, key: str = "", every: str = "never") -> None:
        self._path, self._key = path, key
        self._seconds = float(every[:-1]) if every.endswith("s") else None
        self._epochs = int(every) if every.isdigit() else None
        self._begun = self._kept = time.monotonic()
        self._pause = 0.0
        self._since = 0
        found, self._tensors = _read(path, key) if path else ({}, {})
        self._current: dict[str, Any] = found.get("current", {})
        self._before = float(found.get("seconds", 0.0))
        self._done = [_course(one, _under(self._tensors, f"done/{i}")) for i, one in enumerate(found.get("done", []))]
        self._n_taken = 0

    @property
    def seconds(self) -> float:
        """That the trial has taken, the time before it was killed included."""
        return self._before + time.monotonic() - self._begun

    def take(self) -> Course | None:
        """The next training of the trial, where it had ended already; None where it has not."""
        if self._n_taken == len(self._done):
            return None
        self._n_taken += 1
        return self._done[self._n_taken - 1]

    def restore(self, model: nn.Module, optimizer: Optimizer) -> Course:
        """Put network and optimiser where the training under way had them; a new course where there was none."""
        if not self._current:
            return Course()
        model.load_state_dict(_under(self._tensors, "model"))
        _restore(optimizer, _under(self._tensors, "optimizer"))
        course = _course(self._current, _under(self._tensors, "current"))
        self._current, self._tensors = {}, {}
        return course

    def keep(self, model: nn.Module, optimizer: Optimizer, course: Course) -> None:
        """After an epoch: write the state if it is time. A disk that is full costs the state, not the training."""
        self._since += 1
        if self._path is None or not self._due():
            return
        started = time.monotonic()
        tensors = {
            **_above("model", model.state_dict()),
            **_above("optimizer", dict(_flat(optimizer))),
            **_above("current", _course_tensors(course)),
        }
        for i, one in enumerate(self._done):
            tensors |= _above(f"done/{i}", _course_tensors(one))
        told = {"current": _plain(course), "done": [_plain(one) for one in self._done], "seconds": self.seconds}
        with suppress(CheckpointError):
            _write(self._path, self._key, told, tensors)
        self._kept, self._since = time.monotonic(), 0
        self._pause = _COST * (self._kept - started)

    def _due(self) -> bool:
        if self._epochs is not None:
            return self._since >= self._epochs
        return self._seconds is not None and time.monotonic() - self._kept >= max(self._seconds, self._pause)

    def end(self, course: Course) -> None:
        """The training under way has ended; another of the same trial may follow."""
        self._done.append(replace(course, best_weights={}) if course.outputs else course)  # a fold's are not needed
        self._n_taken += 1


def state_key(trial_id: str, environment: Environment) -> str:
    """What must be equal for a state to be gone on from: elsewhere the rest would differ in its last bits."""
    same = (environment.versions, environment.cpu, environment.device, environment.threads, environment.kernels)
    return hashlib.sha256(json.dumps([trial_id, *same], sort_keys=True).encode()).hexdigest()


def state_path(out: Path, trial_id: str) -> Path:
    """Of a trial in a run folder."""
    return out / STATES / f"{trial_id}.state"


def remove_state(out: Path, trial_id: str) -> None:
    """Both generations, once the trial has ended, and what processes that were killed have left half written of it."""
    path = state_path(out, trial_id)
    unfinished = [each for folder in (STATES, "checkpoints") for each in (out / folder).glob(f".{trial_id}.*.tmp")]
    for each in (path, path.with_name(path.name + PREVIOUS), *unfinished):
        with suppress(OSError):
            each.unlink(missing_ok=True)


# ---------------------------------------------------------------- the file: magic, SHA-256 of the rest, safetensors


def _write(path: Path, key: str, told: dict[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
    own = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    content = save_tensors(own, metadata={"key": key, "told": json.dumps(told)})
    if path.exists():
        with suppress(OSError):
            os.replace(path, path.with_name(path.name + PREVIOUS))
    write_atomically(path, _MAGIC + hashlib.sha256(content).digest() + content)


def _read(path: Path, key: str) -> tuple[dict[str, Any], Weights]:
    """The latest state that is whole and of this key; nothing where there is none."""
    for each in (path, path.with_name(path.name + PREVIOUS)):
        try:
            data = each.read_bytes()
            start = len(_MAGIC) + 32
            content = data[start:]
            if data[: len(_MAGIC)] != _MAGIC or hashlib.sha256(content).digest() != data[len(_MAGIC) : start]:
                continue
            header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
            if header["key"] == key:
                told: dict[str, Any] = json.loads(header["told"])
                return told, load_tensors(content)
        except (OSError, ValueError, KeyError, SafetensorError):
            continue
    return {}, {}


# ---------------------------------------------------------------- courses and optimisers as plain values and tensors


def _plain(course: Course) -> dict[str, Any]:
    return {"history": [asdict(row) for row in course.history], "best": course.best.epoch if course.best else 0}


def _course_tensors(course: Course) -> Weights:
    return {
        **_above("best", course.best_weights),
        **{f"outputs/{i:06}": logits for i, logits in enumerate(course.outputs)},
    }


def _course(plain: dict[str, Any], tensors: Weights) -> Course:
    history = [EpochRow(**row) for row in plain["history"]]
    best = history[plain["best"] - 1] if plain["best"] else None
    outputs = _under(tensors, "outputs")
    return Course(history, best, _under(tensors, "best"), [outputs[name] for name in sorted(outputs)])


def _above(prefix: str, tensors: Mapping[str, torch.Tensor]) -> Weights:
    return {f"{prefix}/{name}": value for name, value in tensors.items()}


def _under(tensors: Mapping[str, torch.Tensor], prefix: str) -> Weights:
    start = f"{prefix}/"
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}


def _flat(optimizer: Optimizer) -> Iterator[tuple[str, torch.Tensor]]:
    """The optimiser's memory of each parameter, as ``3/exp_avg``."""
    for i, memory in optimizer.state_dict()["state"].items():
        for name, value in memory.items():
            if value is not None:
                yield f"{i}/{name}", torch.as_tensor(value)


def _restore(optimizer: Optimizer, flat: Weights) -> None:
    """In the layout of the parameters, as if it had grown there: another would be computed in another order."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    memory: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in flat.items():
        i, _, what = name.partition("/")
        own = parameters[int(i)]
        placed = torch.empty_like(own, dtype=value.dtype).copy_(value) if value.shape == own.shape else value
        memory.setdefault(int(i), {})[what] = placed
    optimizer.load_state_dict({"state": memory, "param_groups": optimizer.state_dict()["param_groups"]})
