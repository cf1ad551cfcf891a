"""Several tasks at a time, each in a worker process of its own."""

import contextlib
import math
import os
import pickle
import signal
import sys
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import forkserver, get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any

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

_NUMPY_THREADS = "OPENBLAS_NUM_THREADS"
DIED = "WorkerDied"
GRACE_SECONDS = 5.0
"""How long workers may take to end before they are killed."""


_method = "spawn"
"""How workers are started; `warm_up` changes it."""


def warm_up(modules: Sequence[str]) -> None:
    """Begin to import modules in a process of its own, from which this process's workers then branch off.

    So imports are paid once for all workers, and while this process does something else. Workers do not see what it
    imports or changes later, but its environment variables. On Linux; elsewhere workers import for themselves.

    Args:
        modules: must do nothing but define things when they are imported; what cannot be imported is left to workers.
    """
    if not sys.platform.startswith("linux"):
        return
    global _method
    forkserver.set_forkserver_preload(list(modules))
    before = os.environ.get(_NUMPY_THREADS)
    os.environ[_NUMPY_THREADS] = "1"  # what has threads should not be branched
    try:
        with _interrupts_blocked():
            forkserver.ensure_running()
    except OSError:
        return  # as where no socket can be made: workers start afresh
    finally:
        del os.environ[_NUMPY_THREADS]
        if before is not None:
            os.environ[_NUMPY_THREADS] = before
    _method = "forkserver"


class Processes:
    """Runs tasks in worker processes that live until no task remains, so that imports are paid once.

    Each keeps to its own share of the cores, so that the system does not move them about.

    Args:
        jobs: number of workers, at least 1; never more are started than there are tasks.
        retries: how often a task whose worker died is given to another, at least 0.
        time_limit: seconds that an attempt at a task may take, above 0; then its worker is killed.
    """

    def __init__(self, jobs: int, *, retries: int = 0, time_limit: float = math.inf) -> None:
        if jobs < 1:
            raise ValueError(f"jobs must be at least 1, got {jobs}")
        self.jobs, self.retries, self.time_limit = jobs, retries, time_limit

    def map(self, function: Function[T], tasks: Iterable[T | None]) -> Generator[Message, None, None]:
        """See `Executor.map`. Function, tasks, events and results must be picklable.

        A worker that dies takes only its own task with it; another takes its place.
        """
        waiting: Waiting[T] = Waiting(iter(tasks))
        busy: list[_Worker] = []
        idle: list[_Worker] = []
        leaving: list[_Worker] = []
        try:
            while busy or not waiting.over:
                while len(busy) < self.jobs and (taken := waiting.take()):
                    index, task, nth = taken
                    yield Started(index)
                    payload = attempt(index, partial(pickle.dumps, (function, task)))
                    if isinstance(payload, Crashed):
                        yield payload
                        continue
                    busy.append(idle.pop() if idle else _start(_free_place([*busy, *leaving], self.jobs), self.jobs))
                    busy[-1].give(index, payload.result, nth, task, self.time_limit)
                while idle and waiting.over:
                    leaving.append(idle.pop())
                    leaving[-1].connection.close()  # the worker takes it as leave to go
                for worker in _ready(busy, waiting.over or len(busy) == self.jobs):
                    message = worker.receive()
                    if not isinstance(message, Progress):
                        busy.remove(worker)
                        if worker.process.is_alive():
                            idle.append(worker)
                        else:
                            worker.bury()
                    if isinstance(message, Crashed) and message.kind == DIED and worker.nth <= self.retries:
                        waiting.again.append((worker.index, worker.task, worker.nth + 1))
                        message = Retrying(worker.index, message.message, worker.nth + 1, self.retries + 1)
                    yield message
        finally:
            for worker in busy:
                worker.process.kill()
            _end([*busy, *idle, *leaving])


# ---------------------------------------------------------------- in the parent


@dataclass(eq=False, slots=True)
class _Worker:
    process: BaseProcess
    connection: Connection
    place: int
    """From 0 to jobs - 1."""
    index: int = -1
    """Of its task."""
    nth: int = 1
    """Attempt at it."""
    task: Any = None
    limit: float = math.inf
    """Seconds that the attempt may take."""
    deadline: float = math.inf
    heard: deque[Message] = field(default_factory=deque)
    """What was at hand when time was up."""

    def give(self, index: int, payload: bytes, nth: int, task: Any, limit: float) -> None:
        self.index, self.nth, self.task, self.limit = index, nth, task, limit
        self.deadline = time.monotonic() + limit
        with contextlib.suppress(OSError):  # it has died, which `receive` will find
            self.connection.send_bytes(pickle.dumps((index, payload)))

    def receive(self) -> Message:
        """The next message, once there is one, or that time is up (`last_words`)."""
        if not self.heard and time.monotonic() >= self.deadline:
            self.heard += last_words(self._at_hand, self.index, self.limit, self._kill)
        return self.heard.popleft() if self.heard else self._read()

    def _at_hand(self) -> Message | None:
        return self._read() if self.connection.poll() else None

    def _kill(self) -> None:
        self.process.kill()
        self.process.join()

    def _read(self) -> Message:
        try:
            data = self.connection.recv_bytes()
        except (EOFError, OSError):
            return self._died()
        try:
            found: Message = pickle.loads(data)
        except Exception as error:
            self.process.kill()
            self.process.join()
            return crashed(self.index, error)
        return found

    def _died(self) -> Crashed:
        self.process.join(GRACE_SECONDS)
        code = self.process.exitcode
        if code is None:  # it has closed its end, and lives
            self.process.kill()
            self.process.join()
            message = "the worker process closed its connection in the middle of the task"
        elif code < 0:
            message = f"the worker process was ended by {_signal_name(-code)} in the middle of the task"
        else:
            message = f"the worker process ended with exit code {code} in the middle of the task"
        if code == -getattr(signal, "SIGKILL", 0):
            message += (
                "; the system's out-of-memory killer ends processes this way: "
                "use fewer jobs or a smaller batch, or close other programs"
            )
        return Crashed(self.index, DIED, message, "")

    def bury(self) -> None:
        self.connection.close()
        self.process.close()


def _ready(busy: Sequence[_Worker], nothing_else: bool) -> list[_Worker]:
    """Workers that have a message or no time left; waits for one, or for a while where tasks may come meanwhile."""
    if not busy:
        if not nothing_else:
            time.sleep(base.POLL_SECONDS)
        return []
    until = min(worker.deadline for worker in busy) - time.monotonic()
    until = until if nothing_else else min(until, base.POLL_SECONDS)
    heard = wait([worker.connection for worker in busy], None if math.isinf(until) else max(until, 0.0))
    now = time.monotonic()
    return [worker for worker in busy if worker.connection in heard or now >= worker.deadline]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _start(place: int, jobs: int) -> _Worker:
    context: Any = get_context(_method)
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, _share(place, jobs), dict(os.environ)), daemon=True)
    with _interrupts_blocked(), _main_unseen():
        process.start()
    theirs.close()  # so that the end of the worker is the end of the connection
    return _Worker(process, ours, place)


def _free_place(workers: Sequence[_Worker], jobs: int) -> int:
    taken = {worker.place for worker in workers}
    return next((place for place in range(jobs) if place not in taken), 0)


def _share(place: int, jobs: int) -> set[int]:
    """Cores of one of several workers; none where they cannot be told, or there are fewer than workers."""
    if not hasattr(os, "sched_getaffinity"):
        return set()
    cores = sorted(os.sched_getaffinity(0))
    each = len(cores) // jobs
    return set(cores[place * each : (place + 1) * each])


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """A child started meanwhile never sees Ctrl-C, not even while it imports; here it is only delayed."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it would unblock the signal if started inside
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _main_unseen() -> Iterator[None]:
    """A child started meanwhile does not run this program's main file again, as the standard library has it do.

    What workers are given is found by the names of modules, so that they need none of it; and a script without
    ``if __name__ == "__main__":`` would start its study anew in each of them, and wait for itself for ever.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _end(workers: list[_Worker]) -> None:
    """Wait for workers that were told to end, and kill those that do not."""
    for worker in workers:
        worker.connection.close()
    deadline = time.monotonic() + GRACE_SECONDS
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.process.close()


# ---------------------------------------------------------------- in the worker


def _serve(connection: Connection, cores: set[int], variables: dict[str, str]) -> None:
    """Do tasks, on these cores, until the parent closes the connection or is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they reach the parent, which ends its workers
        signal.signal(number, signal.SIG_IGN)
    os.environ.clear()
    os.environ.update(variables)
    keep_memory()
    if cores:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, cores)
    while True:
        try:
            index, payload = pickle.loads(connection.recv_bytes())
        except (EOFError, OSError):
            return
        outcome = attempt(index, partial(_call, connection, index, payload))
        try:
            data = pickle.dumps(outcome)
        except Exception as error:
            data = pickle.dumps(crashed(index, error))
        _send(connection, data)


def _call(connection: Connection, index: int, payload: bytes) -> Any:
    # unpickled here, so that a function that cannot be imported is a task that crashed
    function, task = pickle.loads(payload)
    return function(task, lambda event: _send(connection, pickle.dumps(Progress(index, event))))


def _send(connection: Connection, data: bytes) -> None:
    try:
        connection.send_bytes(data)
    except OSError:
        os._exit(1)  # the parent is gone; an exception could be caught by the task
