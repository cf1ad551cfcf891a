"""Functions for executors; at the top level of a module, so that a spawned process can import them."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Emit = Callable[[Any], None]


def square(number: int, emit: Emit) -> int:
    """Emits ("half", n) and ("done", n)."""
    emit(("half", number))
    emit(("done", number))
    return number * number


def variable(name: str, emit: Emit) -> str | None:
    """Of the environment."""
    return os.environ.get(name)


def square_or_raise(number: int, emit: Emit) -> int:
    """Odd numbers are refused, after one event."""
    emit(number)
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number * number


def leave(_: Any, emit: Emit) -> None:
    """What argparse and click do on bad input."""
    sys.exit("left")


def wait_for_file(path: str, emit: Emit) -> str:
    """Emits once, then goes on only when the file exists (20 s at most)."""
    emit("waiting")
    for _ in range(400):
        if Path(path).exists():
            return "seen"
        time.sleep(0.05)
    return "never seen"


def tick_silently(path: str, emit: Emit) -> None:
    """Emits once, then writes a byte to the file every 10 ms, for 30 s; swallows all that it may."""
    emit("ticking")
    # A file object would warn when Ctrl-C comes between two lines.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for _ in range(3000):
        try:
            os.write(descriptor, b".")
            time.sleep(0.01)
        except Exception:
            pass


def tick_silently_or_square(task: str | int, emit: Emit) -> int | None:
    """Of a path the former, of a number the latter."""
    return square(task, emit) if isinstance(task, int) else tick_silently(task, emit)  # type: ignore[func-returns-value]


def tick_and_emit(path: str, emit: Emit) -> None:
    """Writes its process id to the file, then emits every 20 ms, for 30 s; swallows all that it may."""
    Path(path).write_text(str(os.getpid()))
    for i in range(1500):
        with contextlib.suppress(Exception):
            emit(i)
        time.sleep(0.02)


def process_id(_: Any, emit: Emit) -> int:
    time.sleep(0.2)  # long enough for the other workers to get a task
    return os.getpid()


def count_slowly(n: int, emit: Emit) -> int:
    """Emits n times, every 20 ms."""
    for i in range(n):
        emit(i)
        time.sleep(0.02)
    return n


def blocked_signals(_: Any, emit: Emit) -> set[int]:
    return {int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])}


def on_main_thread(_: Any, emit: Emit) -> bool:
    return threading.current_thread() is threading.main_thread()


def end_as_told(how: str, emit: Emit) -> str:
    """``kill`` and ``segfault`` end this process by a signal, ``exit`` with code 3; anything else is returned."""
    emit(how)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif how == "exit":
        os._exit(3)
    elif how == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        emit("deaf")
        time.sleep(30)
    return how


def die_at_first(path: str, emit: Emit) -> str:
    """Writes a byte to the file; dies unless it holds three by then."""
    with Path(path).open("a") as file:
        file.write(".")
    emit("here")
    n = Path(path).stat().st_size
    if n < 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return f"attempt {n}"


def unpicklable_result(number: int, emit: Emit) -> Any:
    return (lambda: number) if number == 1 else number


class OnlyThere:
    """Can be pickled, and not unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _refuse, ()


def _refuse() -> None:
    raise RuntimeError("cannot be rebuilt")


def unreadable_result(number: int, emit: Emit) -> Any:
    return OnlyThere() if number == 1 else number
