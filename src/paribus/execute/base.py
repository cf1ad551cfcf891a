"""What every executor does, and the messages that it gives."""

import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.5
"""Between two looks for tasks where there was none just now."""
HEAR_OUT_SECONDS = 5.0
"""How long one whose time is up, and who never pauses, is heard out."""

Emit = Callable[[Any], None]
Function = Callable[[T, Emit], Any]
"""A picklable top-level function of a task; calls ``emit(event)`` while it works."""


@dataclass(frozen=True, slots=True)
class Started:
    """A worker has been given the task; again, where an earlier one died."""

    index: int
    """Place of the task in the sequence, from 0; so in all messages."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The task emitted something."""

    index: int
    event: Any


@dataclass(frozen=True, slots=True)
class Retrying:
    """The task's worker died; another is going to be given it."""

    index: int
    message: str
    """How it died."""
    attempt: int
    """The coming one, from 2."""
    at_most: int
    """Attempts in all."""


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
    """Name of the exception; ``WorkerDied`` or ``TimeLimit`` when there was none."""
    message: str
    traceback: str
    """Empty when there was no exception."""


Message = Started | Progress | Retrying | Finished | Crashed


class Executor(Protocol):
    """Runs tasks; the one stream of messages drives display and store."""

    def map(self, function: Function[T], tasks: Iterable[T | None]) -> Generator[Message, None, None]:
        """Run ``function(task, emit)`` for each task.

        Each task gives one Started, its Progress in order, and one Finished or Crashed; messages of
        several tasks may be mixed. Messages come as things happen. A task that raises does not stop the others.

        A task is taken from ``tasks`` when a worker is free for it. None there says that there is no task just now:
        it is asked again after a while. Indices count the tasks alone.

        Closing the generator, or an exception such as KeyboardInterrupt while it waits, ends what still
        runs. Wrap it in `contextlib.closing`, so that this happens at once when the consumer fails.
        """
        ...


@dataclass(slots=True)
class Waiting(Generic[T]):
    """Tasks that no worker has yet: those to be tried again, then what their source still gives."""

    source: Iterator[T | None]
    again: deque[tuple[int, T, int]] = field(default_factory=deque)
    """Index, task, attempt from 1."""
    n_taken: int = 0
    ended: bool = False
    """The source has given all."""
    asked: float = 0.0

    def take(self) -> tuple[int, T, int] | None:
        """The next one; None where there is none just now, or ever (`over`)."""
        if self.again:
            return self.again.popleft()
        if self.ended or time.monotonic() < self.asked:
            return None
        try:
            task = next(self.source)
        except StopIteration:
            self.ended = True
            return None
        if task is None:
            self.asked = time.monotonic() + POLL_SECONDS
            return None
        self.n_taken += 1
        return self.n_taken - 1, task, 1

    @property
    def over(self) -> bool:
        """No task will come."""
        return self.ended and not self.again


def last_words(
    at_hand: Callable[[], Message | None], index: int, limit: float, end: Callable[[], None]
) -> list[Message]:
    """What an attempt says whose time is up: its last message, and the Progress before it.

    What it had said by then counts, also where nobody has listened yet: a result that was there in time is one. But
    one that goes on talking gains nothing by it: where none of its messages is its last, it is ended, which is all
    that is told of it.

    Args:
        at_hand: gives its next message without waiting for one; None where there is none.
        index: of the task.
        limit: seconds that it had.
        end: ends it.
    """
    heard: list[Message] = []
    until = time.monotonic() + HEAR_OUT_SECONDS
    while time.monotonic() < until and (message := at_hand()):
        heard.append(message)
        if not isinstance(message, Progress):
            return heard
    end()
    return [Crashed(index, "TimeLimit", f"it took longer than the time limit of {limit:g} s and was ended", "")]


def attempt(index: int, call: Callable[[], Any]) -> Finished | Crashed:
    """Call and say how it went; KeyboardInterrupt passes."""
    try:
        return Finished(index, call())
    except (Exception, SystemExit) as error:
        return crashed(index, error)


def crashed(index: int, error: BaseException) -> Crashed:
    return Crashed(index, type(error).__name__, str(error), "".join(traceback.format_exception(error)))
