"""Several tasks at a time, each in a worker process of its own."""

import contextlib
import os
import pickle
import signal
import sys
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import forkserver, get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from paribus.execute.base import Crashed, Function, Message, Progress, Started, T, attempt, crashed
from paribus.execute.memory import keep_memory

_NUMPY_THREADS = "OPENBLAS_NUM_THREADS"
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
    """

    def __init__(self, jobs: int) -> None:
        if jobs < 1:
            raise ValueError(f"jobs must be at least 1, got {jobs}")
        self.jobs = jobs

    def map(self, function: Function[T], tasks: Sequence[T]) -> Generator[Message, None, None]:
        """See `Executor.map`. Function, tasks, events and results must be picklable.

        A worker that dies takes only its own task with it; another takes its place.
        """
        waiting = deque(enumerate(tasks))
        busy: list[_Worker] = []
        idle: list[_Worker] = []
        leaving: list[_Worker] = []
        try:
            while waiting or busy:
                while waiting and len(busy) < self.jobs:
                    index, task = waiting.popleft()
                    yield Started(index)
                    payload = attempt(index, partial(pickle.dumps, (function, task)))
                    if isinstance(payload, Crashed):
                        yield payload
                        continue
                    busy.append(idle.pop() if idle else _start(_free_place([*busy, *leaving], self.jobs), self.jobs))
                    busy[-1].give(index, payload.result)
                while idle and not waiting:
                    leaving.append(idle.pop())
                    leaving[-1].connection.close()  # the worker takes it as leave to go
                ready = wait([worker.connection for worker in busy]) if busy else []
                for worker in [worker for worker in busy if worker.connection in ready]:
                    message = worker.receive()
                    if not isinstance(message, Progress):
                        busy.remove(worker)
                        if worker.process.is_alive():
                            idle.append(worker)
                        else:
                            worker.bury()
                    yield message
        finally:
            for worker in busy:
                worker.process.terminate()
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

    def give(self, index: int, payload: bytes) -> None:
        self.index = index
        with contextlib.suppress(OSError):  # it has died, which `receive` will find
            self.connection.send_bytes(pickle.dumps((index, payload)))

    def receive(self) -> Message:
        """The next message, once there is one."""
        try:
            data = self.connection.recv_bytes()
        except (EOFError, OSError):
            return self._died()
        try:
            message: Message = pickle.loads(data)
        except Exception as error:
            self.process.kill()
            self.process.join()
            return crashed(self.index, error)
        return message

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
        return Crashed(self.index, "WorkerDied", message, "")

    def bury(self) -> None:
        self.connection.close()
        self.process.close()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _start(place: int, jobs: int) -> _Worker:
    context: Any = get_context(_method)
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, _share(place, jobs), dict(os.environ)), daemon=True)
    with _interrupts_blocked():
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends its workers
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
