"""On a Ray of this machine; clusters of several nodes are in tests/test_cluster.py."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.executor import ExecutorConformance
from paribus.execute import Executor
from paribus.execute.ray import Ray, _connected

pytest.importorskip("ray", reason="the extra `cluster` is not installed")


@pytest.fixture(scope="module", autouse=True)
def connection() -> Iterator[None]:
    """One Ray for all tests: starting it takes seconds. Its workers import from where this process does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]))
        with _connected(Ray(2)):
            yield


class TestRay(ExecutorConformance):
    @pytest.fixture
    def executor(self) -> Executor:
        return Ray(2)
