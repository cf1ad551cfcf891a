"""What every executor does, and the messages that it gives."""

import traceback
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Emit = Callable[[Any], None]
Function = Callable[[T, Emit], Any]
"""A picklable top-level function of a task; calls ``emit(event)`` while it works."""


@dataclass(frozen=True, slots=True)
class Started:
    """A worker has been given the task."""

    index: int
    """Place of the task in the sequence, from 0; so in all messages."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The task emitted something."""

    index: int
    event: Any


@dataclass(frozen=True, slots=True)
class Finished:
    """The task returned."""

    index: int
    result: Any


@dataclass(frozen=True, slots=True)
class Crashed:
    """The task raised, or its worker died."""

    index: int
    kind: str
    """Name of the exception; ``WorkerDied`` when there was none."""
    message: str
    traceback: str
    """Empty when there was no exception."""


Message = Started | Progress | Finished | Crashed


class Executor(Protocol):
    """Runs tasks; the one stream of messages drives display and store."""

    def map(self, function: Function[T], tasks: Sequence[T]) -> Generator[Message, None, None]:
        """Run ``function(task, emit)`` for each task.

        Each task gives one Started, its Progress in order, and one Finished or Crashed; messages of
        several tasks may be mixed. Messages come as things happen. A task that raises does not stop the others.

        Closing the generator, or an exception such as KeyboardInterrupt while it waits, ends what still
        runs. Wrap it in `contextlib.closing`, so that this happens at once when the consumer fails.
        """
        ...


def attempt(index: int, call: Callable[[], Any]) -> Finished | Crashed:
    """Call and say how it went; KeyboardInterrupt passes."""
    try:
        return Finished(index, call())
    except (Exception, SystemExit) as error:
        return crashed(index, error)


def crashed(index: int, error: BaseException) -> Crashed:
    return Crashed(index, type(error).__name__, str(error), "".join(traceback.format_exception(error)))
