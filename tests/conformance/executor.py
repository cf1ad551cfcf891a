"""What every executor must do. Subclass and give the fixture ``executor``."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from conformance import tasks
from paribus.execute import Crashed, Executor, Finished, Message, Progress, Started, base


def by_index(messages: list[Message], index: int) -> list[Message]:
    return [message for message in messages if message.index == index]


class ExecutorConformance:
    def test_each_task_starts_progresses_and_finishes_once(self, executor: Executor) -> None:
        messages = list(executor.map(tasks.square, [3, 5, 7, 11, 13]))
        for index, number in enumerate([3, 5, 7, 11, 13]):
            assert by_index(messages, index) == [
                Started(index),
                Progress(index, ("half", number)),
                Progress(index, ("done", number)),
                Finished(index, number**2),
            ]
        assert len(messages) == 20

    def test_no_tasks(self, executor: Executor) -> None:
        assert list(executor.map(tasks.square, [])) == []

    def test_a_source_may_have_nothing_just_now(self, executor: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(base, "POLL_SECONDS", 0.05)
        messages = list(executor.map(tasks.square, iter([None, 2, None, None, 3, None])))
        assert [message for message in messages if isinstance(message, Finished)] == [Finished(0, 4), Finished(1, 9)]

    def test_tasks_are_taken_when_a_worker_is_free(self, executor: Executor) -> None:
        taken = []

        def source() -> Iterator[int]:
            for number in range(2, 12):
                taken.append(number)
                yield number

        with closing(executor.map(tasks.square, source())) as messages:
            assert next(messages) == Started(0)
            assert len(taken) <= 2
            list(messages)
        assert len(taken) == 10

    def test_a_source_that_fails_ends_what_runs(self, executor: Executor, tmp_path: Path) -> None:
        def source() -> Iterator[int]:
            yield 2
            raise OSError("the store is gone")

        with pytest.raises(OSError, match="the store is gone"):
            list(executor.map(tasks.square, source()))

    def test_can_map_again(self, executor: Executor) -> None:
        for _ in range(2):
            assert Finished(0, 4) in list(executor.map(tasks.square, [2]))

    def test_an_exception_is_told_and_the_others_finish(self, executor: Executor) -> None:
        messages = list(executor.map(tasks.square_or_raise, [2, 3, 4]))
        assert by_index(messages, 0)[-1] == Finished(0, 4)
        assert by_index(messages, 2)[-1] == Finished(2, 16)
        started, progress, crash = by_index(messages, 1)
        assert (started, progress) == (Started(1), Progress(1, 3))
        assert isinstance(crash, Crashed)
        assert (crash.kind, crash.message) == ("ValueError", "3 is odd")
        assert "in square_or_raise" in crash.traceback
        assert crash.traceback.rstrip().endswith("ValueError: 3 is odd")

    def test_sys_exit_is_a_crash(self, executor: Executor) -> None:
        crash = list(executor.map(tasks.leave, [0]))[-1]
        assert isinstance(crash, Crashed)
        assert (crash.kind, crash.message) == ("SystemExit", "left")

    def test_progress_is_seen_while_the_task_runs(self, executor: Executor, tmp_path: Path) -> None:
        sign = tmp_path / "sign"
        with closing(executor.map(tasks.wait_for_file, [str(sign)])) as messages:
            assert next(messages) == Started(0)
            assert next(messages) == Progress(0, "waiting")
            sign.touch()  # only now can the task go on
            assert list(messages) == [Finished(0, "seen")]

    def test_closing_ends_what_runs(self, executor: Executor, tmp_path: Path) -> None:
        path = tmp_path / "ticks"
        messages = executor.map(tasks.tick_silently, [str(path), str(tmp_path / "never")])
        while next(messages) != Progress(0, "ticking"):
            pass
        self.wait_for_ticks(path)
        began = time.monotonic()
        messages.close()
        assert time.monotonic() - began < 4
        self.assert_still(path)

    def test_closing_before_the_first_message(self, executor: Executor, tmp_path: Path) -> None:
        messages = executor.map(tasks.tick_silently, [str(tmp_path / "ticks")])
        messages.close()
        assert not (tmp_path / "ticks").exists()

    def test_closing_after_started(self, executor: Executor, tmp_path: Path) -> None:
        messages = executor.map(tasks.tick_silently, [str(tmp_path / "ticks")])
        assert next(messages) == Started(0)
        messages.close()
        assert not (tmp_path / "ticks").exists()

    def test_ctrl_c_while_waiting_ends_what_runs(self, executor: Executor, tmp_path: Path) -> None:
        path = tmp_path / "ticks"
        messages = executor.map(tasks.tick_silently, [str(path)])

        def interrupt() -> None:
            self.wait_for_ticks(path)
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            list(messages)
        thread.join()
        self.assert_still(path)

    @staticmethod
    def wait_for_ticks(path: Path) -> None:
        deadline = time.monotonic() + 20
        while not path.exists() or path.stat().st_size == 0:
            assert time.monotonic() < deadline, "the task never began"
            time.sleep(0.01)

    @staticmethod
    def assert_still(path: Path) -> None:
        before = path.stat().st_size
        time.sleep(0.2)
        assert path.stat().st_size == before, "the task is still at work"


class TimeLimitConformance:
    """Of executors that end what takes too long; give the fixture ``limited``, with a limit of `LIMIT` seconds."""

    LIMIT = 60.0

    @pytest.fixture
    def time_is_up(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
        """Puts this process's clock on by more than the limit; workers' clocks stay as they are."""
        clock = time.monotonic
        return lambda: monkeypatch.setattr(time, "monotonic", lambda: clock() + 2 * self.LIMIT)

    def test_a_result_that_is_there_in_time_counts(self, limited: Executor, time_is_up: Callable[[], None]) -> None:
        messages = []
        with closing(limited.map(tasks.square, [3])) as stream:
            for message in stream:
                messages.append(message)
                if message == Progress(0, ("half", 3)):
                    time.sleep(1)  # as a parent that is busy, while the task ends
                    time_is_up()
        assert messages == [Started(0), Progress(0, ("half", 3)), Progress(0, ("done", 3)), Finished(0, 9)]

    def test_who_talks_faster_than_is_heard_has_no_more_time(
        self, limited: Executor, time_is_up: Callable[[], None]
    ) -> None:
        with closing(limited.map(tasks.count_slowly, [100])) as stream:
            for message in stream:
                if message == Progress(0, 0):
                    time_is_up()
                if isinstance(message, Progress):
                    time.sleep(0.05)  # the next one is there by then
        assert isinstance(message, Crashed)
        assert message.kind == "TimeLimit"
