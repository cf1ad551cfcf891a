"""What a run shows."""

from dataclasses import replace

import pytest

from conformance.build import make_failure, make_planned, make_record, make_study
from paribus.display import Lines, Pace, duration, title
from paribus.execute.base import Crashed, Finished, Progress, Started
from paribus.record import TrialPruned
from paribus.run import RunGrew, RunStarted


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (179.9, "3 min 00 s"),
        (3599.9, "1 h 00 min"),
        (5400, "1 h 30 min"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """One line a trial that ends, whatever way it ends."""
    planned = make_planned(make_study())[:3]
    record = make_record(planned[0].trial_id, spec=planned[0].spec)
    with Lines() as show:
        show(RunStarted(planned, 4, tuple(t.spec.train.epochs for t in planned)))
        for index in range(3):
            show(Started(index))
        show(Progress(0, record.history[0]))
        show(Finished(0, record))
        show(Finished(1, make_failure(planned[1].trial_id, message="the loss became nan")))
        show(Crashed(2, "WorkerDied", "killed", ""))
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "3 trials to run; 4 finished before"
    assert len(lines) == 3
    chosen = record.history[record.selected_epoch - 1]
    assert lines[0].startswith(f"[1/3] {title(planned[0])}: validation {chosen.validation_accuracy:.1%}")
    assert lines[1].startswith(f"[2/3] {title(planned[1])}: FAILED: the loss became nan")
    assert lines[2].startswith(f"[3/3] {title(planned[2])}: FAILED: killed")


def test_lines_of_a_search(capsys: pytest.CaptureFixture[str]) -> None:
    """Of candidates nothing is said of test; numbers have their factor's name."""
    trial = make_planned(make_study())[0]
    record = make_record(trial.trial_id, spec=trial.spec)
    begun = TrialPruned(trial.trial_id, trial.spec, "f", record.environment, record.history[:2], 1.0)
    one = replace(trial, cell=(("lr", "0.01"), ("activation", "relu")))
    with Lines() as show:
        show(RunStarted((), 0, (), n_to_come=5))
        show(RunGrew((one, one), (3, 3), 3))
        show(Finished(0, record))
        show(Finished(1, begun))
        show(RunGrew((trial,), (3,), 0))
        show(Finished(2, record))
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "at most 5 trials to run"
    assert lines[0].startswith("[1/5] lr 0.01, relu: validation ")
    assert "test" not in lines[0]
    assert lines[1].startswith("[2/5] lr 0.01, relu: validation ")
    assert "ended after epoch 2 of 3 since others were ahead" in lines[1]
    assert lines[2].startswith("[3/3] relu, seed 0: validation ")
    assert "test 80.0%" in lines[2]


def test_time_left_counts_epochs_that_early_stopping_spared() -> None:
    planned = make_planned(make_study())[:2]
    pace = Pace(RunStarted(planned, 0, tuple(t.spec.train.epochs for t in planned)))
    assert pace.left() == ""
    record = make_record(planned[0].trial_id, spec=planned[0].spec)
    pace.note(Progress(0, record.history[0]))
    assert pace.left().startswith("about ")
    pace.note(Finished(0, record))
    assert pace.epochs_left == [0, planned[1].spec.train.epochs]
    assert (pace.n_finished, pace.n_failed) == (1, 0)
