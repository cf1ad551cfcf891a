"""`paribus doctor`: what the machine offers, and what training uses of it."""

import os
import platform
import sys
from importlib.metadata import version


def findings() -> list[list[str]]:
    """Rows of what and which, in words."""
    import torch

    from paribus.folders import cache_folder
    from paribus.kernels.native import native
    from paribus.run import default_jobs
    from paribus.spec import RunSpec
    from paribus.training.environment import processor, resolve_device

    device = resolve_device("auto")
    data = os.environ.get("PARIBUS_DATA")
    return [
        ["paribus", version("paribus")],
        ["Python", f"{platform.python_version()} on {platform.platform()}"],
        ["PyTorch", torch.__version__],
        ["processor", processor()],
        ["memory", _memory()],
        ["device", torch.cuda.get_device_name(device) if device.type == "cuda" else device.type],
        ["kernels", native().why],
        ["bf16", _bf16()],
        ["workers", f"{default_jobs(RunSpec(out=''))} by default, one thread each"],
        ["cache", str(cache_folder())],
        ["data", f"$PARIBUS_DATA is {data}" if data else "$PARIBUS_DATA is not set"],
    ]


def _bf16() -> str:
    import torch

    from paribus.kernels.native import processor_flags

    if torch.cuda.is_available() and torch.cuda.is_bf16_supported():
        return "fast: train.precision=bf16 can be worth trying"
    if processor_flags() & {"avx512_bf16", "amx_bf16"}:
        return "in the processor: train.precision=bf16 can be worth trying"
    return "not in the processor: train.precision=bf16 would be slower"


def _memory() -> str:
    from paribus.machine import available_memory

    free = available_memory()
    return "not told by this system" if free == sys.maxsize else f"{free / 2**30:.1f} GB available"
