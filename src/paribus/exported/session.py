"""Exported networks put to use by onnxruntime; imports no torch."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from paribus.errors import CheckpointError, ParibusError
from paribus.exported.about import About
from paribus.exported.wire import Unfit, look_through
from paribus.machine import available_memory

INPUT, LOGITS, PROBABILITIES = "x", "logits", "probabilities"
BATCH = 256
"""Examples that go through the network at a time, as in evaluation."""
TYPES: dict[str, type[np.uint8] | type[np.float32]] = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}
"""Of inputs, as onnxruntime calls them."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """An exported network, ready to predict."""

    about: About
    dtype: type[np.uint8] | type[np.float32]
    """That its input must have."""
    run: Callable[[npt.NDArray[Any]], tuple[Floats, Floats]]
    """Raw examples (n, C, H, W) -> logits and probabilities, (n, n_classes) each; all in one batch.

    Raises CheckpointError where the file does not do what it says."""

    def logits(self, x: npt.NDArray[Any]) -> Floats:
        """(n, n_classes) of raw examples (n, C, H, W), n at least 1, a batch after the other."""
        return np.concatenate([self.run(x[start : start + BATCH])[0] for start in range(0, len(x), BATCH)])


def require(*modules: str) -> None:
    """Raises ParibusError where the extra `export` is not installed."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ParibusError(f"ONNX files need {', '.join(missing)}: pip install 'paribus[export]'")


def open_file(path: Path) -> Opened:
    """An exported network from its file.

    Raises:
        ParibusError: the extra `export` is not installed.
        CheckpointError: the file is missing, damaged or not exported by paribus.
    """
    require("onnxruntime")
    try:
        if 3 * path.stat().st_size > available_memory():
            raise CheckpointError(f"{path} does not fit into this machine's free memory, three times")
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from None
    return open_bytes(content, str(path))


def open_bytes(content: bytes, where: str) -> Opened:
    """An exported network from the content of its file.

    Args:
        content: of the file; nothing of it is believed.
        where: names it in errors.

    Raises:
        CheckpointError: it is damaged or not exported by paribus.
    """
    try:
        seen = look_through(content)
    except Unfit as error:
        raise CheckpointError(f"{where} cannot be used: {error}") from None
    about = About.from_properties(seen.properties, seen.rest_sha256, where)
    try:
        session = _session(content)
    except Exception as error:  # onnxruntime's have no base of their own
        raise CheckpointError(f"{where} cannot be used: {first_line(error)}") from None
    given, outputs = session.get_inputs(), {output.name for output in session.get_outputs()}
    if (
        len(given) != 1
        or given[0].name != INPUT
        or given[0].type not in TYPES
        or not {LOGITS, PROBABILITIES} <= outputs
    ):
        raise CheckpointError(
            f"{where} must take `{INPUT}`, uint8 or float32, and give `{LOGITS}` and `{PROBABILITIES}`: export it anew"
        )

    def run(x: npt.NDArray[Any]) -> tuple[Floats, Floats]:
        try:
            logits, probabilities = session.run([LOGITS, PROBABILITIES], {INPUT: x})
        except Exception as error:
            raise CheckpointError(f"{where} failed on {len(x)} examples: {first_line(error)}") from None
        wanted = (len(x), len(about.class_names))
        for found in (logits, probabilities):
            if not isinstance(found, np.ndarray) or found.shape != wanted or found.dtype != np.float32:
                raise CheckpointError(
                    f"{where} must give float32 of shape {wanted} for {wanted[0]} examples: export it anew"
                )
        return logits, probabilities

    return Opened(about, TYPES[given[0].type], run)


def _session(content: bytes) -> Any:
    """Of what was looked through. Silent, and with half of what memory is free at most."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # its log would go to the terminal as it is
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.add_session_config_entry("session.use_env_allocators", "1")
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    limit = onnxruntime.OrtArenaCfg({"max_mem": available_memory() // 2})
    onnxruntime.create_and_register_allocator(memory, limit)
    own = {"enable_fallback": 0, "read_config_from_model": 0}  # the first prints, the second lets a file set options
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"], **own)


def first_line(error: BaseException) -> str:
    """Of an error of others, which may go on for pages."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
