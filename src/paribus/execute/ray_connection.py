"""The connection to a Ray cluster, or to a Ray of our own on this machine."""

import contextlib
import importlib
import logging
import math
import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from paribus.errors import RunError

KNOCK_SECONDS = 10.0
"""How long the head of a cluster may take to accept a connection."""
_OWN_STORE = 256 * 2**20
"""Bytes of the object store of a Ray of our own, where only results pass."""
_LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Where it is 0, Ray takes this machine's address to be 127.0.0.1, and its servers listen there alone."""


@contextlib.contextmanager
def connected(jobs: int | None, cpu: float, address: str | None) -> Iterator[Any]:
    """The module `ray`, connected; the connection, and a Ray of our own, end with it."""
    own = address is None
    # Nothing is reported to Ray's makers, and what Ray would set to hide GPUs, it warns of.
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    with _environment(quiet | ({_LOOPBACK: "0"} if own else {})):
        ray = import_ray()
        if ray.is_initialized():
            yield ray
            return
        folder = tempfile.mkdtemp(prefix="paribus-", dir="/tmp" if os.path.isdir("/tmp") else None) if own else ""
        try:
            _init(ray, jobs, cpu, address, folder)
        except Exception as error:
            raise RunError(_unreachable(address, error)) from None
    try:
        with _changed("ray._private.worker", "print_to_stdstream", lambda *_, **__: None):  # a page for each dead node
            yield ray
    finally:
        ray.shutdown()
        if own:
            shutil.rmtree(folder, ignore_errors=True)


def _init(ray: Any, jobs: int | None, cpu: float, address: str | None, folder: str) -> None:
    loud: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        if address is not None:
            _knock(address)
            # each try takes 40 s, and 20 are usual
            with _changed("ray._private.ray_constants", "NUM_REDIS_GET_RETRIES", 1):
                ray.init(address=address, **loud)
            return
        # Ray reads `_LOOPBACK` when it is imported, which may have been long ago.
        with _changed("ray._private.ray_constants", "ENABLE_RAY_CLUSTER", False):
            ray.init(
                address="local",
                num_cpus=None if jobs is None else math.ceil(jobs * cpu),
                include_dashboard=False,
                object_store_memory=_OWN_STORE,
                _node_ip_address="127.0.0.1",
                _temp_dir=folder,
                **loud,
            )
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)  # Ray puts its own there


def _knock(address: str) -> None:
    """Raise OSError where nobody listens; Ray would go on trying for long."""
    services = importlib.import_module("ray._private.services")
    host, _, port = services.canonicalize_bootstrap_address_or_die(address).rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), KNOCK_SECONDS).close()


def import_ray() -> Any:
    """The module, or RunError where the extra is not installed."""
    try:
        import ray
    except ImportError:
        raise RunError("--executor ray needs its extra: pip install 'paribus[cluster]'") from None
    return ray


def _unreachable(address: str | None, error: Exception) -> str:
    why = " ".join(str(error).split())[:300]
    if address is None:
        return f"Ray cannot be started on this machine: {why}"
    return f"there is no Ray cluster at {address} that this machine can join (`ray start` makes it a node): {why}"


@contextlib.contextmanager
def _changed(module: str, name: str, value: Any) -> Iterator[None]:
    """One of Ray's own names has another value meanwhile, for which there is no option."""
    found: Any = importlib.import_module(module)
    before = getattr(found, name, None)
    setattr(found, name, value)
    try:
        yield
    finally:
        setattr(found, name, before)


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
