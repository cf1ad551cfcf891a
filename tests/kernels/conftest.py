"""What tests of compiled kernels share."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest


@pytest.fixture
def tested_for(request: pytest.FixtureRequest) -> Callable[[str, str], str]:
    """Runs tests of the same file anew, by an expression, compiled for less than this machine has; what was printed."""

    def run(capability: str, expression: str) -> str:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", expression, str(request.path)]
        environment = {**os.environ, "ATEN_CPU_CAPABILITY": capability}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, cwd=request.config.rootpath, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:]
        return done.stdout

    return run
