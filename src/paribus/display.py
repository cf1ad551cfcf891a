"""What a run shows while it goes: bars in a terminal, plain lines elsewhere. Only listens."""

import math
import sys
import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from paribus.analysis.words import level_words
from paribus.execute.base import Crashed, Finished, Message, Retrying, Started
from paribus.execute.base import Progress as EpochDone
from paribus.record import EpochRow, PlannedTrial, TrialFailure, TrialPruned, TrialRecord
from paribus.run import RunGrew, RunMessage, RunStarted
from paribus.shown import printable


class Display(Protocol):
    """Shows the messages of a run."""

    def __call__(self, message: RunMessage) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


def make_display(console: Console) -> Display:
    """Bars where the console is a terminal, lines otherwise."""
    return Bars(console) if console.is_terminal else Lines()


def title(trial: PlannedTrial) -> str:
    """A trial in a few words, as ``eegnet, relu, seed 0``; the levels speak for themselves."""
    return ", ".join([*(level for _, level in trial.cell or (("", "baseline"),)), f"seed {trial.spec.seed}"])


def recipe(trial: PlannedTrial) -> str:
    """A candidate of a search in a few words, as ``lr 0.003, elu``: numbers need the names of their factors."""
    return ", ".join(level_words(*pair) for pair in trial.cell) or "baseline"


def duration(seconds: float) -> str:
    """As ``1 h 05 min``, ``3 min 20 s`` or ``12 s``."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    if whole >= 60:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole} s"


def _validation(row: EpochRow) -> str:
    """Nothing where an epoch is not measured, as in a refit."""
    return "" if math.isnan(row.validation_accuracy) else f", validation {row.validation_accuracy:.1%}"


class Pace:
    """Trials done and failed, and the time left, from the epochs done so far."""

    def __init__(self, message: RunStarted) -> None:
        self.trials, self.n_to_come = list(message.trials), message.n_to_come
        self.candidates: set[int] = set()
        """Places of trials among which a search chooses."""
        self.n_finished = self.n_failed = 0
        self.epochs, self.epochs_left = list(message.epochs), list(message.epochs)
        self.epochs_run = 0
        self.started = time.monotonic()

    def note(self, message: RunGrew | Message) -> None:
        """Take in a message of the run after its start."""
        if isinstance(message, RunGrew):
            if message.n_to_come:  # nothing comes after a confirmation
                self.candidates |= set(range(len(self.trials), len(self.trials) + len(message.trials)))
            self.trials += message.trials
            self.epochs += message.epochs
            self.epochs_left += message.epochs
            self.n_to_come = message.n_to_come
        elif isinstance(message, EpochDone):
            self.epochs_left[message.index] = max(self.epochs_left[message.index] - 1, 0)
            self.epochs_run += 1
        elif isinstance(message, Retrying):
            self.epochs_left[message.index] = self.epochs[message.index]
        elif isinstance(message, Finished | Crashed):
            self.epochs_left[message.index] = 0
            failed = isinstance(message, Crashed) or isinstance(message.result, TrialFailure)
            self.n_failed += failed
            self.n_finished += not failed

    def title(self, index: int) -> str:
        """Of the trial at this place."""
        return (recipe if index in self.candidates else title)(self.trials[index])

    @property
    def n_in_all(self) -> int:
        """Trials of this run; where a search still chooses, at most."""
        return len(self.trials) + self.n_to_come

    @property
    def n_ended(self) -> int:
        """Trials of this run that finished or failed."""
        return self.n_finished + self.n_failed

    def left(self) -> str:
        """Time left in words; empty before the first epoch. Trials to come are taken to be as long as the others."""
        left = sum(self.epochs_left) + self.n_to_come * sum(self.epochs) / max(len(self.epochs), 1)
        if not self.epochs_run or not left:
            return ""
        seconds = (time.monotonic() - self.started) / self.epochs_run * left
        return f"about {duration(seconds)} left"


def ending(pace: Pace, message: Finished | Crashed) -> str:
    """One line on a trial that ended. Of a candidate nothing is said of test, by which nobody is to choose."""
    trial, name = pace.trials[message.index], pace.title(message.index)
    result = message.result if isinstance(message, Finished) else None
    if isinstance(result, TrialRecord):
        row, test = result.history[result.selected_epoch - 1], result.predictions["test"]
        right = (test.logits.argmax(axis=1) == test.y).mean()
        on_test = "" if message.index in pace.candidates else f", test {right:.1%}"
        stopped = ", stopped early" if result.stopped_early else ""
        return (
            f"{name}: validation {row.validation_accuracy:.1%}{on_test} "
            f"at epoch {row.epoch} of {len(result.history)}{stopped}, {duration(result.seconds)}"
        )
    if isinstance(result, TrialPruned):
        best = max(row.validation_accuracy for row in result.history)
        return (
            f"{name}: validation {best:.1%}, ended after epoch {len(result.history)} of {trial.spec.train.epochs} "
            f"since others were ahead, {duration(result.seconds)}"
        )
    why = result.message if isinstance(result, TrialFailure) else getattr(message, "message", "")
    return f"{name}: FAILED: {why}"


def again(pace: Pace, message: Retrying) -> str:
    """One line on a trial whose worker died."""
    return f"{pace.title(message.index)}: {message.message}; trying again ({message.attempt} of {message.at_most})"


def _start(message: RunStarted) -> str:
    n = len(message.trials) + message.n_to_come
    at_most = "at most " if message.n_to_come else ""
    before = f"; {message.n_done} finished before" if message.n_done else ""
    beside = f"; {message.beside}, and they are shared" if message.beside else ""
    return f"{at_most}{n} trial{'' if n == 1 else 's'} to run{before}{beside}"


class Lines:
    """A line when a trial ends, and one now and then in between; for logs and pipes."""

    EVERY = 30.0
    """Seconds between lines while trials run."""

    def __init__(self) -> None:
        self.pace: Pace | None = None
        self.last = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def __call__(self, message: RunMessage) -> None:
        """Print what is worth a line."""
        if isinstance(message, RunStarted):
            self.pace = Pace(message)
            self._print(_start(message))
            return
        assert self.pace is not None
        self.pace.note(message)
        if isinstance(message, RunGrew):
            return
        trial = self.pace.trials[message.index]
        if isinstance(message, Retrying):
            self._print(again(self.pace, message))
        elif isinstance(message, Finished | Crashed):
            self._print(f"[{self.pace.n_ended}/{self.pace.n_in_all}] {ending(self.pace, message)}", self.pace.left())
        elif isinstance(message, EpochDone) and time.monotonic() - self.last > self.EVERY:
            row: EpochRow = message.event
            self._print(
                f"{self.pace.title(message.index)}: epoch {row.epoch}/{trial.spec.train.epochs}, "
                f"loss {row.train_loss:.3f}{_validation(row)}",
                self.pace.left(),
            )

    def _print(self, *parts: str) -> None:
        self.last = time.monotonic()
        sys.stdout.write("  ".join(printable(part) for part in parts if part) + "\n")
        sys.stdout.flush()


class Bars:
    """A bar for the study and one for each running trial."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.pace: Pace | None = None
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            transient=True,
        )
        self.study: TaskID | None = None
        self.running: dict[int, TaskID] = {}

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.progress.stop()

    def __call__(self, message: RunMessage) -> None:
        """Move the bars."""
        if isinstance(message, RunStarted):
            self.pace = Pace(message)
            self.console.print(Text(_start(message)))
            self.study = self.progress.add_task("trials", total=self.pace.n_in_all, note="")
            return
        assert self.pace is not None
        assert self.study is not None
        self.pace.note(message)
        if isinstance(message, RunGrew):
            self.progress.update(self.study, total=self.pace.n_in_all)
            return
        if isinstance(message, Started):
            self.running[message.index] = self.progress.add_task(
                printable(f"  {self.pace.title(message.index)}"), total=self.pace.epochs[message.index], note=""
            )
        elif isinstance(message, EpochDone):
            row: EpochRow = message.event
            note = f"loss {row.train_loss:.3f}{_validation(row)}"
            self.progress.update(self.running[message.index], advance=1, note=note)
        elif isinstance(message, Retrying):
            self.progress.remove_task(self.running.pop(message.index))
            self.console.print(Text(again(self.pace, message), style="yellow"))
        else:
            self.progress.remove_task(self.running.pop(message.index))
            failed = isinstance(message, Crashed) or isinstance(message.result, TrialFailure)
            self.console.print(Text(printable(ending(self.pace, message)), style="red" if failed else ""))
        failures = f"{self.pace.n_failed} failed, " if self.pace.n_failed else ""
        self.progress.update(self.study, completed=self.pace.n_ended, note=failures + self.pace.left())
