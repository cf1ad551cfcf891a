"""Where and how a trial runs."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch

from paribus.errors import TrainingError
from paribus.kernels.native import native
from paribus.record import Environment
from paribus.spec import RunSpec


def resolve_device(wanted: str) -> torch.device:
    """The device for ``auto | cpu | cuda | mps``.

    Raises:
        TrainingError: it is not there.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        wanted = next(name for name in ("cuda", "mps", "cpu") if available[name])
    if not available[wanted]:
        raise TrainingError(f"device `{wanted}` is not available here: use --device cpu")
    return torch.device(wanted)


def environment(run: RunSpec, device: torch.device) -> Environment:
    """This process's environment, now."""
    packages = ("paribus", "torch", "numpy")
    return Environment(
        versions={"python": platform.python_version(), **{name: version(name) for name in packages}},
        platform=platform.platform(),
        cpu=processor(),
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        threads=run.threads,
        git_commit=_git_commit(),
        command=run.command,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        kernels=native().why if device.type == "cpu" else "PyTorch's own",
    )


@cache
def processor() -> str:
    """Name, number of cores, and widest vectors, in words."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    capability = torch.backends.cpu.get_cpu_capability()
    return f"{names[0] if names else platform.processor() or platform.machine()}, {os.cpu_count()} cores, {capability}"


@cache
def _git_commit() -> str | None:
    def git(*arguments: str) -> str | None:
        try:
            result = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=5, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return result.stdout.strip() if result.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    if commit is None:
        return None
    return commit + ("+dirty" if git("status", "--porcelain", "--untracked-files=no") else "")
