"""MLflow: an experiment a study, a run a trial, where ``MLFLOW_TRACKING_URI`` says or MLflow's own default is."""

import os
import time
from collections.abc import Mapping

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nothing of a study goes where nobody sent it
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from paribus.record import PlannedTrial
from paribus.spec import StudySpec
from paribus.track.base import parameters

LONGEST = 500
"""Characters of a parameter that every MLflow takes."""


class MLflow:
    """Args: the study that runs; its name is the experiment's."""

    def __init__(self, study: StudySpec) -> None:
        self._client = MlflowClient()
        found = self._client.get_experiment_by_name(study.name)
        if found and found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        self._experiment = found.experiment_id if found else self._client.create_experiment(study.name)
        self._runs: dict[int, str] = {}

    def begin(self, index: int, name: str, trial: PlannedTrial) -> None:
        tags = {"paribus.trial": trial.trial_id, "paribus.seed": str(trial.spec.seed)}
        run = self._client.create_run(self._experiment, run_name=name, tags=tags)
        self._runs[index] = run.info.run_id
        params = [Param(key, value[:LONGEST]) for key, value in parameters(trial).items()]
        for start in range(0, len(params), 100):  # as many as MLflow takes at a time
            self._client.log_batch(run.info.run_id, params=params[start : start + 100])

    def epoch(self, index: int, step: int, values: Mapping[str, float]) -> None:
        now = round(1000 * time.time())
        self._client.log_batch(self._runs[index], metrics=[Metric(k, v, now, step) for k, v in values.items()])

    def end(self, index: int, values: Mapping[str, float], *, finished: bool) -> None:
        run = self._runs.pop(index)
        now = round(1000 * time.time())
        self._client.log_batch(
            run,
            metrics=[Metric(key, value, now, 0) for key, value in values.items()],
            tags=[RunTag("paribus.state", "finished" if finished else "failed")],
        )
        self._client.set_terminated(run, "FINISHED" if finished else "FAILED")

    def close(self) -> None:
        for run in self._runs.values():
            self._client.set_terminated(run, "KILLED")
