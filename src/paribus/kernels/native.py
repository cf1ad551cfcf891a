"""Compiled kernels: built once with the compiler of this machine, kept in the cache folder, loaded with ctypes.

They are never needed: without a compiler the same is computed by PyTorch alone.
"""

import contextlib
import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from paribus.folders import cache_folder

SOURCES = ("block.cpp", "front.cpp")
_HEADERS = ("vectors.h",)
_FUNCTIONS = (
    "paribus_block_forward",
    "paribus_block_backward",
    "paribus_block_evaluate",
    "paribus_front_forward",
    "paribus_front_backward",
)
SWITCH = "PARIBUS_KERNELS"
"""Environment variable; ``off`` leaves everything to PyTorch."""

_FLAGS = (
    "-std=c++17",
    "-O3",
    "-fPIC",
    "-shared",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=fast",
    "-fno-predictive-commoning",
)
_OF_CPU = {
    "AVX512": ("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma"),
    "AVX2": ("-mavx2", "-mfma"),
}
"""By what PyTorch finds in the processor (``ATEN_CPU_CAPABILITY`` forces it down); other processors take the
compiler's own choice, which on Arm has NEON."""


TYPES = {torch.float32: 0, torch.bfloat16: 1, torch.float64: 2}
"""Numbers of `Type` in vectors.h."""


@dataclass(frozen=True, slots=True)
class Native:
    """The compiled kernels, or why there are none."""

    library: ctypes.CDLL | None
    why: str
    """In words, as "compiled for AVX512 by g++ 12.2.0"."""


@functools.cache
def native() -> Native:
    """The kernels of this process; compiled when this machine has not compiled them yet, in some seconds."""
    if os.environ.get(SWITCH, "").lower() in ("off", "0", "no"):
        return Native(None, f"PyTorch alone: ${SWITCH} is off")
    compiler = os.environ.get("CXX") or next(filter(None, map(shutil.which, ("g++", "clang++", "c++"))), None)
    if compiler is None:
        return Native(None, "PyTorch alone: found no C++ compiler (g++ or clang++)")
    try:
        version = _output([compiler, "-dumpfullversion", "-dumpversion"])
        path, capability = _built(compiler, version)
        loaded = ctypes.CDLL(str(path))
    except (OSError, subprocess.SubprocessError, RuntimeError) as error:
        return Native(None, f"PyTorch alone: {compiler} could not build the kernels ({_first_line(error)})")
    for name in _FUNCTIONS:
        getattr(loaded, name).restype = None
    return Native(loaded, f"compiled for {capability} by {Path(compiler).name} {version}")


def library() -> ctypes.CDLL:
    """The compiled kernels, where it is known that there are some."""
    found = native().library
    assert found is not None
    return found


def address(tensor: torch.Tensor) -> ctypes.c_void_p:
    """Of its first value; null where it has none."""
    return ctypes.c_void_p(tensor.data_ptr() if tensor.numel() else None)


def processor_flags() -> frozenset[str]:
    """What Linux says that the processor can do, as ``avx512_bf16``; nothing elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line for line in lines if line.startswith("flags")), "").split())


def _built(compiler: str, version: str) -> tuple[Path, str]:
    """The shared library, and what processor it is for."""
    capability = torch.backends.cpu.get_cpu_capability()
    flags = _OF_CPU.get(capability, ())
    if capability == "AVX512" and "avx512_bf16" in processor_flags():
        with contextlib.suppress(RuntimeError):  # compilers before 2019 do not know it
            return _compiled(compiler, version, [*flags, "-mavx512bf16"]), f"{capability} with bf16"
    return _compiled(compiler, version, flags), capability if flags else platform.machine()


def _compiled(compiler: str, version: str, of_cpu: Sequence[str]) -> Path:
    """From the cache, or compiled into it."""
    here = Path(__file__).parent
    sources = [here / name for name in SOURCES]
    flags = [*_FLAGS, *of_cpu, *_openmp()]
    content = [
        compiler,
        version,
        platform.machine(),
        *flags,
        *((here / name).read_text() for name in (*SOURCES, *_HEADERS)),
    ]
    name = hashlib.sha256("\n".join(content).encode()).hexdigest()[:32]
    target = cache_folder() / "kernels" / f"{name}.so"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="tmp-") as scratch:
            made = Path(scratch) / target.name
            _output([compiler, *map(str, sources), *flags, "-o", str(made)])
            made.replace(target)
    return target


def _openmp() -> list[str]:
    """OpenMP by the library that PyTorch runs on, so that there is one pool of threads; none where it has none."""
    if sys.platform != "linux":
        return []
    found = sorted((Path(torch.__file__).parent / "lib").glob("libgomp*.so*"))
    return ["-fopenmp", *map(str, found[:1])]


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(done.stderr.strip() or f"exit code {done.returncode}")
    return done.stdout.strip()


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return next((line for line in lines if "error" in line), lines[0] if lines else type(error).__name__)
