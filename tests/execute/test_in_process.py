import threading

import pytest

from conformance import tasks
from conformance.executor import ExecutorConformance
from paribus.execute import Executor, Finished, InProcess, Progress, Started


class TestInProcess(ExecutorConformance):
    @pytest.fixture
    def executor(self) -> Executor:
        return InProcess()


def test_tasks_run_one_after_the_other() -> None:
    messages = list(InProcess().map(tasks.square, [2, 3]))
    assert [message.index for message in messages] == [0, 0, 0, 0, 1, 1, 1, 1]


def test_the_next_task_waits_until_it_is_asked_for() -> None:
    ran = []
    messages = InProcess().map(lambda task, emit: ran.append(task), ["a", "b"])
    while not isinstance(next(messages), Finished):
        pass
    assert ran == ["a"]
    messages.close()
    assert ran == ["a"]


def test_tasks_and_results_are_handed_over_as_they_are() -> None:
    task, event = object(), object()

    def give_back(it: object, emit: tasks.Emit) -> object:
        emit(event)
        return it

    started, progress, finished = InProcess().map(give_back, [task])
    assert started == Started(0)
    assert isinstance(progress, Progress)
    assert progress.event is event
    assert isinstance(finished, Finished)
    assert finished.result is task


def test_ctrl_c_raised_in_the_task_passes() -> None:
    def interrupted(_: int, emit: tasks.Emit) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(InProcess().map(interrupted, [0, 1]))


def test_no_thread_is_left() -> None:
    before = threading.active_count()
    list(InProcess().map(tasks.square_or_raise, range(5)))
    assert threading.active_count() == before
