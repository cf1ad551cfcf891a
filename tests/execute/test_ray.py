"""On a Ray of this machine; clusters of several nodes are in tests/test_cluster.py."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import tasks
from conformance.executor import ExecutorConformance, TimeLimitConformance, by_index
from paribus.execute import Crashed, Executor, Finished, Retrying, Started
from paribus.execute.ray import Ray
from paribus.execute.ray_connection import connected

pytest.importorskip("ray", reason="the extra `cluster` is not installed")


@pytest.fixture(scope="module", autouse=True)
def connection() -> Iterator[None]:
    """One Ray for all tests: starting it takes seconds. Its workers import from where this process does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]))
        with connected(2, 1.0, None):
            yield


class TestRay(ExecutorConformance, TimeLimitConformance):
    @pytest.fixture
    def executor(self) -> Executor:
        return Ray(2)

    @pytest.fixture
    def limited(self) -> Executor:
        return Ray(1, time_limit=self.LIMIT)


def test_a_task_whose_worker_dies_is_tried_again(tmp_path: Path) -> None:
    messages = list(Ray(1, retries=2).map(tasks.die_at_first, [str(tmp_path / "tries")]))
    again = [message for message in messages if isinstance(message, Retrying)]
    assert [(one.attempt, one.at_most) for one in again] == [(2, 3), (3, 3)]
    assert messages[-1] == Finished(0, "attempt 3")


def test_a_worker_that_dies_takes_only_its_task() -> None:
    messages = list(Ray(2).map(tasks.end_as_told, ["kill", "b", "c"]))
    last = by_index(messages, 0)[-1]
    assert isinstance(last, Crashed)
    assert last.kind == "WorkerDied"
    assert "died in the middle of the task" in last.message
    assert {Finished(1, "b"), Finished(2, "c")} <= set(messages)


def test_a_task_that_takes_too_long_is_ended_alone(tmp_path: Path) -> None:
    path = tmp_path / "ticks"
    messages = list(Ray(1, time_limit=2).map(tasks.tick_silently_or_square, [str(path), 4]))
    last = by_index(messages, 0)[-1]
    assert isinstance(last, Crashed)
    assert last.kind == "TimeLimit"
    assert "longer than the time limit of 2 s" in last.message
    assert by_index(messages, 1)[0] == Started(1)
    assert by_index(messages, 1)[-1] == Finished(1, 16)


def test_variables_are_set_in_workers() -> None:
    messages = list(Ray(1, variables={"PARIBUS_TEST": "there"}).map(tasks.variable, ["PARIBUS_TEST"]))
    assert messages[-1] == Finished(0, "there")
