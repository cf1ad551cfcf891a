"""One trial, run in this process."""

from pathlib import Path
from typing import Any

import pytest

from paribus.data.fingerprint import fingerprint
from paribus.data.sources import load_dataset
from paribus.grid import trial_id
from paribus.models.custom import own_code
from paribus.record import PlannedTrial, TrialFailure, TrialPruned, TrialRecord
from paribus.spec import RunSpec, TrialSpec
from paribus.training.trial import TrialTask, run_trial
from paribus.validate import validate


@pytest.fixture
def run(eeg_file: Path, tmp_path: Path):
    """Run one trial, with changes to the baseline."""

    def run(threads: int = 1, bar: tuple[float, ...] = (), **changes: Any) -> TrialRecord | TrialPruned | TrialFailure:
        plain: dict[str, Any] = {
            "data": {"source": "npz", "path": str(eeg_file)},
            "model": {"name": "eegnet"},
            "train": {"epochs": 2, "batch_size": 16},
        }
        for key, value in changes.items():
            plain[key] = {**plain[key], **value} if isinstance(value, dict) else value
        spec = validate(TrialSpec, plain)
        content = fingerprint(load_dataset(spec.data.origin()))
        planned = PlannedTrial(cell=(), spec=spec, trial_id=trial_id(spec, content), bar=bar)
        task = TrialTask(planned, content, RunSpec(out=str(tmp_path), threads=threads), own_code(spec))
        return run_trial(task, lambda _: None)

    return run
