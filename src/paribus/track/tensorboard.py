"""TensorBoard: ``tensorboard --logdir RUN/tensorboard`` shows the curves of every trial."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from paribus.record import PlannedTrial
from paribus.track.base import parameters


class TensorBoard:
    """One folder a trial, named by its cell, seed and id.

    Args:
        folder: of all of them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[int, Any] = {}
        self._parameters: dict[int, dict[str, str]] = {}

    def begin(self, index: int, name: str, trial: PlannedTrial) -> None:
        plain = "".join(c if c.isalnum() or c in "-_., " else "_" for c in name)[:100]
        writer: Any = SummaryWriter(str(self._folder / f"{plain} {trial.trial_id[:8]}"))
        self._writers[index], self._parameters[index] = writer, parameters(trial)
        writer.add_text("trial", f"```\n{json.dumps(self._parameters[index], indent=1, ensure_ascii=False)}\n```")

    def epoch(self, index: int, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writers[index].add_scalar(name, value, step)
        self._writers[index].flush()

    def end(self, index: int, values: Mapping[str, float], *, finished: bool) -> None:
        writer = self._writers.pop(index)
        if finished:
            writer.add_hparams(self._parameters[index], dict(values), run_name=".")
        writer.close()

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()
