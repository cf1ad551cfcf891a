"""One task after the other in this process."""

import ctypes
import time
from collections.abc import Generator, Iterable
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any

from paribus.execute import base
from paribus.execute.base import Crashed, Finished, Function, Message, Progress, Started, T, Waiting, attempt

GRACE_SECONDS = 5.0
"""How long a closed task may take to end, as in one long call into C."""
POLL_SECONDS = 0.2
"""Windows delivers Ctrl-C only between waits."""


class InProcess:
    """Runs the tasks one after the other in this process."""

    def map(self, function: Function[T], tasks: Iterable[T | None]) -> Generator[Message, None, None]:
        """See `Executor.map`. The next task starts when its Started is asked for."""
        waiting: Waiting[T] = Waiting(iter(tasks))
        while not waiting.over:
            taken = waiting.take()
            if taken is None:
                if not waiting.over:
                    time.sleep(base.POLL_SECONDS)
                continue
            index, task, _ = taken
            yield Started(index)
            yield from _run(function, index, task)


def _run(function: Function[T], index: int, task: T) -> Generator[Message, None, None]:
    """Run one task in a thread: a generator can only give a message while the task works on elsewhere."""
    messages: SimpleQueue[Message | BaseException] = SimpleQueue()
    closed = Event()

    def emit(event: Any) -> None:
        if closed.is_set():
            raise SystemExit("nobody waits for this task any more")
        messages.put(Progress(index, event))

    def work() -> None:
        if closed.is_set():  # Ctrl-C came while the thread started
            return
        try:
            messages.put(attempt(index, lambda: function(task, emit)))
        except BaseException as error:
            messages.put(error)

    thread = Thread(target=work, name=f"task-{index}", daemon=True)
    try:
        thread.start()
        while True:
            try:
                message = messages.get(timeout=POLL_SECONDS)
            except Empty:
                continue
            if not isinstance(message, Progress):
                thread.join()  # nothing is left to interrupt
            if isinstance(message, BaseException):
                raise message
            yield message
            if isinstance(message, Finished | Crashed):
                return
    finally:
        closed.set()
        _end(thread)


def _end(thread: Thread) -> None:
    """Raise SystemExit in the thread, wherever its Python code is, as Ctrl-C does in the main thread.

    Waiting for its next ``emit`` would take up to an epoch; leaving it to run would crash in torch
    when the interpreter shuts down.
    """
    if thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
        thread.join(GRACE_SECONDS)
