import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from conformance import tasks
from conformance.executor import ExecutorConformance, TimeLimitConformance, by_index
from paribus.execute import Crashed, Executor, Finished, Message, Processes, Progress, Retrying, Started, processes

TESTS = Path(__file__).parents[1]


@pytest.fixture(autouse=True, params=["spawned", "branching"])
def start(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How workers start: afresh, or from a process that has imported what they need, as under `paribus run`."""
    monkeypatch.setattr(processes, "_method", "spawn")
    if request.param == "branching":
        processes.warm_up(("conformance.tasks", "no.such.module"))
    return str(request.param)


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []


class TestProcesses(ExecutorConformance, TimeLimitConformance):
    @pytest.fixture
    def executor(self) -> Executor:
        return Processes(2)

    @pytest.fixture
    def limited(self) -> Executor:
        return Processes(1, time_limit=self.LIMIT)


def test_workers_see_the_environment_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(results(list(Processes(1).map(tasks.variable, ["PARIBUS_TEST"]))).values()) == {None}
    monkeypatch.setenv("PARIBUS_TEST", "now")
    assert set(results(list(Processes(1).map(tasks.variable, ["PARIBUS_TEST"]))).values()) == {"now"}
    assert "OPENBLAS_NUM_THREADS" not in os.environ


def results(messages: list[Message]) -> dict[int, object]:
    return {message.index: message.result for message in messages if isinstance(message, Finished)}


def crash(messages: list[Message], index: int) -> Crashed:
    last = by_index(messages, index)[-1]
    assert isinstance(last, Crashed)
    return last


@pytest.mark.parametrize("jobs", [0, -1])
def test_jobs_must_be_positive(jobs: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Processes(jobs)


def test_workers_are_used_again() -> None:
    found = results(list(Processes(2).map(tasks.process_id, range(6))))
    assert len(found) == 6
    assert len(set(found.values())) == 2
    assert os.getpid() not in found.values()


def test_never_more_workers_than_tasks() -> None:
    with closing(Processes(8).map(tasks.process_id, range(2))) as messages:
        while not isinstance(next(messages), Finished):
            assert len(multiprocessing.active_children()) <= 2


def test_an_idle_worker_ends_while_another_works() -> None:
    with closing(Processes(2).map(tasks.count_slowly, [0, 1000])) as messages:
        while next(messages) != Finished(0, 0):
            pass
        wait_until(lambda: next(messages).index == 1 and len(multiprocessing.active_children()) == 1)


def test_workers_never_see_ctrl_c_and_the_parent_still_does() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    (blocked,) = results(list(Processes(1).map(tasks.blocked_signals, [0]))).values()
    assert isinstance(blocked, set)
    assert signal.SIGINT in blocked
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_the_task_is_on_the_main_thread() -> None:
    assert results(list(Processes(1).map(tasks.on_main_thread, [0]))) == {0: True}


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("kill", "ended by SIGKILL in the middle of the task; the system's out-of-memory killer"),
        ("segfault", "ended by SIGSEGV in the middle"),
        ("exit", "ended with exit code 3 in the middle"),
    ],
)
def test_a_worker_that_dies_takes_only_its_task(how: str, words: str) -> None:
    messages = list(Processes(1).map(tasks.end_as_told, ["a", how, "b", "c"]))
    assert results(messages) == {0: "a", 2: "b", 3: "c"}
    assert by_index(messages, 1)[:2] == [Started(1), Progress(1, how)]
    assert crash(messages, 1).kind == "WorkerDied"
    assert words in crash(messages, 1).message


def test_a_task_whose_worker_dies_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "tries"
    messages = list(Processes(1, retries=2).map(tasks.die_at_first, [str(path)]))
    assert [type(message) for message in messages] == [Started, Progress, Retrying] * 2 + [Started, Progress, Finished]
    assert messages[-1] == Finished(0, "attempt 3")
    again = messages[2]
    assert isinstance(again, Retrying)
    assert (again.attempt, again.at_most) == (2, 3)
    assert "SIGKILL" in again.message


def test_a_task_that_always_dies_is_given_up_and_the_others_finish() -> None:
    messages = list(Processes(2, retries=2).map(tasks.end_as_told, ["a", "exit", "b", "c"]))
    assert results(messages) == {0: "a", 2: "b", 3: "c"}
    own = by_index(messages, 1)
    assert [type(message) for message in own] == [Started, Progress, Retrying] * 2 + [Started, Progress, Crashed]


def test_an_exception_is_not_tried_again() -> None:
    messages = list(Processes(1, retries=2).map(tasks.square_or_raise, [3]))
    assert [type(message) for message in messages] == [Started, Progress, Crashed]


def test_a_task_that_hangs_is_ended_and_the_others_finish(tmp_path: Path) -> None:
    began = time.monotonic()
    executor = Processes(2, retries=2, time_limit=2.0)
    messages = list(executor.map(tasks.tick_silently_or_square, [str(tmp_path / "ticks"), 3, 4]))
    assert results(messages) == {1: 9, 2: 16}
    assert crash(messages, 0).kind == "TimeLimit"
    assert "longer than the time limit of 2 s" in crash(messages, 0).message
    assert time.monotonic() - began < 20


def test_every_worker_dies() -> None:
    messages = list(Processes(2).map(tasks.end_as_told, ["exit"] * 4))
    assert [crash(messages, index).kind for index in range(4)] == ["WorkerDied"] * 4


def test_a_result_that_cannot_be_pickled() -> None:
    messages = list(Processes(1).map(tasks.unpicklable_result, [0, 1, 2]))
    assert results(messages) == {0: 0, 2: 2}
    assert "pickle" in crash(messages, 1).message


def test_a_result_that_cannot_be_unpickled() -> None:
    messages = list(Processes(1).map(tasks.unreadable_result, [0, 1, 2]))
    assert results(messages) == {0: 0, 2: 2}
    assert (crash(messages, 1).kind, crash(messages, 1).message) == ("RuntimeError", "cannot be rebuilt")


def test_tasks_that_cannot_be_pickled() -> None:
    mixed: list[Any] = ["a", lambda: 0]
    messages = list(Processes(2).map(tasks.end_as_told, mixed))
    assert results(messages) == {0: "a"}
    assert "pickle" in crash(messages, 1).message


def test_a_function_that_cannot_be_pickled() -> None:
    messages = list(Processes(2).map(lambda task, emit: task, [0, 1]))
    assert [type(message) for message in messages] == [Started, Crashed, Started, Crashed]


def test_a_large_result_arrives_whole() -> None:
    text = "x" * 5_000_000  # far more than a pipe holds, both ways
    assert results(list(Processes(1).map(tasks.end_as_told, [text]))) == {0: text}


def test_a_worker_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.3)
    messages = Processes(1).map(tasks.end_as_told, ["deaf"])
    while next(messages) != Progress(0, "deaf"):
        pass
    began = time.monotonic()
    messages.close()
    assert time.monotonic() - began < 3


def test_a_script_needs_no_guard(tmp_path: Path) -> None:
    """Workers do not run it again, as those of the standard library would."""
    script = tmp_path / "script.py"
    script.write_text(
        "from conformance.tasks import square_or_raise\n"
        "from paribus.execute import Processes\n"
        "print('begun')\n"
        "for message in Processes(2).map(square_or_raise, [2, 4]):\n"
        "    print(type(message).__name__)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, timeout=60)
    assert sorted(done.stdout.split()) == ["Finished"] * 2 + ["Progress"] * 2 + ["Started"] * 2 + ["begun"], done.stderr


# ---------------------------------------------------------------- a whole program that is interrupted or killed

PROGRAM = """
import sys
from conformance.tasks import tick_and_emit
from paribus.execute.processes import Processes, warm_up

if __name__ == "__main__":
    if sys.argv.pop(1) == "branching":
        warm_up(["conformance.tasks"])
    for message in Processes(2).map(tick_and_emit, sys.argv[1:]):
        pass
"""


@pytest.fixture
def program(tmp_path: Path, start: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A program with two workers in the middle of their tasks, and their process ids."""
    script, files = tmp_path / "program.py", [tmp_path / "a", tmp_path / "b"]
    script.write_text(PROGRAM)
    with subprocess.Popen(
        [sys.executable, script, start, *files],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            wait_until(lambda: all(file.exists() and file.read_text() for file in files))
            yield running, [int(file.read_text()) for file in files]
        finally:
            running.kill()


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # a zombie that init has not reaped yet is dead
    status = Path(f"/proc/{pid}/status")
    return not (status.exists() and "State:\tZ" in status.read_text())


def test_workers_end_when_the_parent_is_killed(program: tuple[subprocess.Popen[str], list[int]]) -> None:
    running, workers = program
    assert all(is_alive(pid) for pid in workers)
    running.kill()
    running.wait()
    wait_until(lambda: not any(is_alive(pid) for pid in workers), seconds=5)


def test_ctrl_c_in_a_terminal_ends_all_with_one_traceback(program: tuple[subprocess.Popen[str], list[int]]) -> None:
    running, workers = program
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to the workers too
    _, said = running.communicate(timeout=20)
    assert said.count("Traceback") == 1
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert not any(is_alive(pid) for pid in workers)
