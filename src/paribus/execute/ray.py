"""Tasks on the nodes of a Ray cluster, or on a Ray of our own on this machine (the extra `cluster`).

Each attempt at a task is one Ray task that streams its messages back (``num_returns="streaming"``). So Ray's scheduler
finds the node and keeps worker processes, and what they have imported and loaded, between tasks; messages arrive while
the task runs; and a worker or node that dies is an error in its own stream, in order after what it had said. Actors
with a queue would need a place for the queue, which can die too, and a scheduler of our own.
"""

import math
import os
import pickle
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from paribus.errors import RunError
from paribus.execute import base
from paribus.execute.base import (
    Crashed,
    Function,
    Message,
    Progress,
    Retrying,
    Started,
    T,
    Waiting,
    attempt,
    crashed,
    last_words,
)
from paribus.execute.memory import keep_memory
from paribus.execute.processes import DIED, GRACE_SECONDS
from paribus.execute.ray_connection import connected, import_ray

LOOK_SECONDS = 1.0
"""Between two looks at which nodes there are."""
PATIENCE_SECONDS = 300.0
"""How long no node may be there for the tasks that are left."""


class Ray:
    """Runs tasks where a Ray cluster has room for them.

    If the program is connected to Ray already, that cluster is used, and the connection left as it is.

    Args:
        jobs: tasks at a time, at least 1; None for as many as the cluster has room for, counted anew as nodes
            come and go.
        address: of a cluster, as ``10.0.0.1:6379``, or ``auto`` for the one that this machine is a node of; None for
            a Ray of our own on this machine, which listens on 127.0.0.1 only and ends with `map`.
        cpu: cores that a task needs, at least 0; for Ray's counting, nothing is enforced.
        gpu: GPUs that a task needs: a share below 1, or a whole number. Not both may be 0.
        retries: how often a task whose worker or node died is given to another, at least 0.
        time_limit: seconds that an attempt at a task may take, above 0, from when it has a worker.
        variables: of the environment, set in every worker.
    """

    def __init__(
        self,
        jobs: int | None = None,
        *,
        address: str | None = None,
        cpu: float = 1.0,
        gpu: float = 0.0,
        retries: int = 0,
        time_limit: float = math.inf,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        if jobs is not None and jobs < 1:
            raise ValueError(f"jobs must be at least 1, got {jobs}")
        if min(cpu, gpu) < 0 or cpu == gpu == 0 or (gpu > 1 and gpu % 1):
            raise ValueError(f"cpu and gpu must be at least 0, one of them more, gpu whole above 1; got {cpu}, {gpu}")
        self.jobs, self.address, self.cpu, self.gpu = jobs, address, cpu, gpu
        self.retries, self.time_limit, self.variables = retries, time_limit, dict(variables or {})

    def map(self, function: Function[T], tasks: Iterable[T | None]) -> Generator[Message, None, None]:
        """See `Executor.map`. Function, tasks, events and results must be picklable.

        Workers go to this process's folder, which must be there on every node.

        Raises:
            RunError: the extra is not installed; the cluster cannot be reached, has no node for such a task, or one on
                which the program cannot run.
        """
        waiting: Waiting[T] = Waiting(iter(tasks))
        running: list[_Attempt] = []
        with connected(self.jobs, self.cpu, self.address) as ray:
            room = _Room(ray, self.cpu, self.gpu, self.jobs or sys.maxsize)
            options = {"num_cpus": self.cpu, "num_gpus": self.gpu, "max_retries": 0, "num_returns": "streaming"}
            work = ray.remote(**options)(_work)
            try:
                while running or not waiting.over:
                    while len(running) < room.now(bool(running)) and (taken := waiting.take()):
                        index, task, nth = taken
                        yield Started(index)
                        payload = attempt(index, partial(pickle.dumps, (function, task)))
                        if isinstance(payload, Crashed):
                            yield payload
                            continue
                        stream = work.remote(index, payload.result, os.getcwd(), self.variables)
                        running.append(_Attempt(ray, stream, index, nth, task, self.time_limit))
                    for one in _ready(ray, running):
                        message = one.receive()
                        if message is None:
                            continue
                        if not isinstance(message, Progress):
                            running.remove(one)
                        if isinstance(message, Crashed) and message.kind == DIED and one.nth <= self.retries:
                            waiting.again.append((one.index, one.task, one.nth + 1))
                            message = Retrying(one.index, message.message, one.nth + 1, self.retries + 1)
                        yield message
            finally:
                _end(ray, running)


# ---------------------------------------------------------------- in the parent


@dataclass(eq=False, slots=True)
class _Attempt:
    """At one task; its stream gives `_Began`, then messages."""

    ray: Any
    stream: Any
    index: int
    nth: int
    task: Any
    limit: float
    began: "_Began | None" = None
    deadline: float = math.inf
    heard: deque[Message] = field(default_factory=deque)
    """What was at hand when time was up."""

    def receive(self) -> Message | None:
        """The next message, once there is one or time is up (`last_words`); None where it has only begun.

        Raises:
            RunError: the node is not fit.
        """
        if not self.heard and time.monotonic() >= self.deadline:
            self.heard += last_words(self._at_hand, self.index, self.limit, lambda: _end(self.ray, [self]))
        return self.heard.popleft() if self.heard else self._read()

    def _at_hand(self) -> Message | None:
        ready, _ = self.ray.wait([self.stream], num_returns=1, timeout=0)
        return self._read() if ready else None

    def _read(self) -> Message | None:
        errors = self.ray.exceptions
        try:
            data = self.ray.get(next(self.stream))
        except (errors.RayTaskError, errors.RuntimeEnvSetupError) as error:  # tasks' own are messages: it never began
            raise RunError(_unfit(str(error).strip().splitlines()[-1])) from None
        except StopIteration:
            return self._died("")
        except errors.RayError as error:
            return self._died(str(error) if isinstance(error, errors.OutOfMemoryError) else "")
        try:
            found: Message | _Began = pickle.loads(data)
        except Exception as error:
            _end(self.ray, [self])
            return crashed(self.index, error)
        if not isinstance(found, _Began):
            return found
        if found.unfit or found.version != version("paribus"):
            why = found.unfit or f"it has paribus {found.version}, not {version('paribus')}"
            raise RunError(_unfit(f"{found.host}: {why}"))
        self.began, self.deadline = found, time.monotonic() + self.limit
        return None

    def _died(self, why: str) -> Crashed:
        if self.began is None:
            message = "its worker or node died before it began"
        elif any(node["NodeID"] == self.began.node and node["Alive"] for node in self.ray.nodes()):
            message = f"its worker process on {self.began.host} died in the middle of the task"
        else:
            message = f"its node {self.began.host} died in the middle of the task"
        if why:
            message += "; Ray ends processes when the node's memory is nearly full: ask for more cpu a trial"
        return Crashed(self.index, DIED, message, "")


def _unfit(why: str) -> str:
    return (
        f"a node of the cluster cannot run the trials: {why}. Every node needs the same paribus, in the same version "
        "of Python, and the folder that paribus is started in, at the same path"
    )


@dataclass(slots=True)
class _Room:
    """For how many tasks at a time the cluster has room, as nodes come and go."""

    ray: Any
    cpu: float
    gpu: float
    jobs: int
    n: int = 0
    looked: float = -math.inf
    had: float = field(default_factory=time.monotonic)
    """When there was room last."""

    def now(self, busy: bool) -> int:
        """At most ``jobs``.

        Args:
            busy: tasks are running, or wait for a node.

        Raises:
            RunError: no node could run one, now at first, or for a long time.
        """
        if time.monotonic() < self.looked + LOOK_SECONDS:
            return self.n
        nodes = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        first, self.looked = math.isinf(self.looked), time.monotonic()
        self.n = min(self.jobs, sum(map(self._on, nodes)))
        if self.n:
            self.had = self.looked
        elif first or self.looked > self.had + PATIENCE_SECONDS:
            have = "; ".join(f"cpu {one.get('CPU', 0):g}, gpu {one.get('GPU', 0):g}" for one in nodes) or "none"
            raise RunError(
                f"a trial needs cpu {self.cpu:g} and gpu {self.gpu:g} on one node, and the nodes of the cluster have: "
                f"{have}. Ask for less with --resources, or add nodes"
            )
        return self.n

    def _on(self, resources: Mapping[str, float]) -> int:
        counts = [math.inf]
        if self.cpu:
            counts.append(resources.get("CPU", 0) / self.cpu + 1e-9)
        if self.gpu:  # shares of one GPU do not make up for those of another
            gpus = resources.get("GPU", 0)
            counts.append(gpus // self.gpu if self.gpu >= 1 else gpus * math.floor(1 / self.gpu + 1e-9))
        return math.floor(min(counts))


def _ready(ray: Any, running: Sequence[_Attempt]) -> list[_Attempt]:
    """Attempts that have a message or no time left, after waiting for one for a while."""
    if not running:
        time.sleep(base.POLL_SECONDS / 5)
        return []
    until = min(one.deadline for one in running) - time.monotonic()
    streams = [one.stream for one in running]
    heard, _ = ray.wait(streams, num_returns=1, timeout=min(max(until, 0.0), base.POLL_SECONDS))
    if heard:  # all that have something, so that none has to wait for a talkative one
        heard, _ = ray.wait(streams, num_returns=len(streams), timeout=0)
    now = time.monotonic()
    return [one for one in running if any(one.stream is stream for stream in heard) or now >= one.deadline]


def _end(ray: Any, attempts: Sequence[_Attempt]) -> None:
    """End what runs, and wait until it has ended."""
    for one in attempts:
        ray.cancel(one.stream, force=True)
    left = [one.stream for one in attempts]
    deadline = time.monotonic() + GRACE_SECONDS
    while left and time.monotonic() < deadline:
        for stream in ray.wait(left, num_returns=1, timeout=0.1)[0]:
            try:
                ray.get(next(stream))
            except (StopIteration, ray.exceptions.RayError):
                left = [other for other in left if other is not stream]


# ---------------------------------------------------------------- in the worker


@dataclass(frozen=True, slots=True)
class _Began:
    """The first that a worker says."""

    host: str
    node: str
    """Ray's id of it."""
    version: str
    unfit: str = ""
    """Why it cannot do the task, in words."""


def _work(index: int, payload: bytes, folder: str, variables: dict[str, str]) -> Iterator[bytes]:
    """Do a task in a thread, since only a generator can stream; what it emits is given as pickled messages."""
    node = import_ray().get_runtime_context().get_node_id()
    os.environ.update(variables)
    unfit = ""
    try:
        os.chdir(folder)
    except OSError as error:
        unfit = f"{Path(folder)}: {error.strerror}"
    yield pickle.dumps(_Began(socket.gethostname(), node, version("paribus"), unfit))
    if unfit:
        return
    keep_memory()
    messages: SimpleQueue[bytes | None] = SimpleQueue()
    thread = threading.Thread(target=_call, args=(messages, index, payload), name=f"task-{index}", daemon=True)
    thread.start()
    while (data := messages.get()) is not None:
        yield data
    thread.join()


def _call(messages: "SimpleQueue[bytes | None]", index: int, payload: bytes) -> None:
    def call() -> Any:
        # unpickled here, so that a function that cannot be imported is a task that crashed
        function, task = pickle.loads(payload)
        return function(task, lambda event: messages.put(pickle.dumps(Progress(index, event))))

    try:
        outcome = attempt(index, call)
        try:
            messages.put(pickle.dumps(outcome))
        except Exception as error:
            messages.put(pickle.dumps(crashed(index, error)))
    finally:
        messages.put(None)
