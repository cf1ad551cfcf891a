"""The file that tells of a run while it goes."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import nan

from conformance.build import make_planned, make_record, make_study
from paribus.live import LIVE, VALUES, Follower, Journal, clear
from paribus.serve.state import curves


def test_a_follower_sees_what_is_new(tmp_path):
    planned = make_planned(make_study())
    rows = make_record(epochs=3).history
    follower = Follower(tmp_path)
    assert follower.look() == []
    journal = Journal(tmp_path, planned, [3] * 6)
    assert [(t.cell, t.seed, t.epochs) for t in follower.look()][:2] == [(("relu",), 0, 3), (("relu",), 1, 3)]
    journal.epoch(0, rows[0])
    journal.epoch(0, rows[1])
    journal.epoch(1, rows[0])
    journal.ended(1)
    trials = follower.look()
    assert [trial.n_rows for trial in trials] == [2, 1, 0, 0, 0, 0]
    assert [trial.ended for trial in trials][:2] == [False, True]
    assert trials[0].trainings[0][2][VALUES.index("test_accuracy")] == rows[1].test_accuracy
    assert trials[0].last[VALUES.index("train_loss")] == rows[1].train_loss
    Journal(tmp_path, planned[:2], [3, 3])
    assert [trial.n_rows for trial in follower.look()] == [0, 0], "another run has begun"


def test_trials_that_are_chosen_on_the_way(tmp_path):
    planned = make_planned(make_study())
    journal, follower = Journal(tmp_path, planned[:1], [3]), Follower(tmp_path)
    assert len(follower.look()) == 1
    journal.grew(planned[1:3], [3, 4])
    journal.epoch(2, make_record().history[0])
    assert [(trial.seed, trial.epochs, trial.n_rows) for trial in follower.look()] == [(0, 3, 0), (1, 3, 0), (2, 4, 1)]


def test_processes_that_share_a_study_are_shown_together(tmp_path):
    planned, rows = make_planned(make_study()), make_record(epochs=3).history
    first, follower = Journal(tmp_path, planned, [3] * 6), Follower(tmp_path)
    first.epoch(0, rows[0])
    before = follower.look(), follower.token
    beside = Journal(tmp_path, planned[1:], [3] * 5, beside="node.a-7-ff")  # a trial had ended when it came
    beside.epoch(0, rows[0])
    beside.epoch(0, rows[1])
    beside.epoch(4, rows[0])
    first.ended(1)  # elsewhere
    assert [trial.n_rows for trial in follower.look()] == [1, 2, 0, 0, 0, 1]
    assert [trial.ended for trial in follower.look()] == [False, True, False, False, False, False]
    assert [(trial.cell, trial.seed) for trial in follower.look()] == [(trial.cell, trial.seed) for trial in before[0]]
    assert follower.token != before[1]
    asked = []
    clear(tmp_path, lambda owner: bool(asked.append(owner)) or True)
    assert asked == ["node.a-7-ff"]
    assert follower.look()[5].n_rows == 1
    clear(tmp_path, lambda owner: False)
    assert [trial.n_rows for trial in follower.look()] == [1, 0, 0, 0, 0, 0]


def test_half_and_damaged_lines(tmp_path):
    journal = Journal(tmp_path, make_planned(make_study()), [3] * 6)
    follower = Follower(tmp_path)
    path = tmp_path / LIVE
    with path.open("a") as file:
        file.write('{"trial": 0, "row": {"epo')
    assert [trial.n_rows for trial in follower.look()] == [0] * 6
    with path.open("a") as file:
        file.write('ch": 1}}\nnonsense\n{"trial": 99, "row": {"epoch": 1}}\n')
    assert follower.look()[0].n_rows == 1
    path.unlink()
    journal.epoch(0, make_record().history[0])
    assert path.exists()


def test_a_run_that_cannot_write_it_goes_on(tmp_path):
    (tmp_path / LIVE).mkdir()
    journal = Journal(tmp_path, make_planned(make_study()), [3] * 6)
    journal.epoch(0, make_record().history[0])
    assert Follower(tmp_path).look() == []


def test_curves_are_means_over_a_cells_trials(tmp_path):
    journal = Journal(tmp_path, make_planned(make_study()), [3] * 6)
    one, other = make_record(accuracy=0.8).history, make_record(accuracy=0.6, seed=1).history
    for row in one:
        journal.epoch(0, row)
    journal.epoch(1, other[0])
    (cell,) = curves(Follower(tmp_path).look())
    mean, low, high = cell["curves"]["accuracy"]["test"]
    assert cell["epochs"] == [1, 2, 3]
    assert mean[0] == round(50 * (one[0].test_accuracy + other[0].test_accuracy), 2)
    assert (low[0], high[0]) == tuple(sorted(round(100 * r.test_accuracy, 2) for r in (one[0], other[0])))
    assert mean[2] == round(100 * one[2].test_accuracy, 2)
    assert cell["selected"] == 3


def test_folds_are_trainings_of_their_own_and_a_refit_is_none_of_the_curves(tmp_path):
    journal = Journal(tmp_path, make_planned(make_study()), [9] * 6)
    one, other = make_record(accuracy=0.8).history, make_record(accuracy=0.6, seed=1).history
    refit = [
        replace(row, validation_loss=nan, validation_accuracy=nan, test_loss=nan, test_accuracy=nan) for row in one
    ]
    for row in (*one, *other, *refit[:2]):
        journal.epoch(0, row)
    (trial, *_) = Follower(tmp_path).look()
    assert [len(training) for training in trial.trainings] == [3, 3, 2]
    assert trial.n_rows == 8
    assert trial.last[VALUES.index("validation_accuracy")] is None
    (cell,) = curves([trial])
    mean, low, _ = cell["curves"]["accuracy"]["validation"]
    assert cell["n_seeds"] == 2
    assert mean[2] == round(50 * (one[2].validation_accuracy + other[2].validation_accuracy), 2)
    assert low[2] == round(100 * other[2].validation_accuracy, 2)


def test_odd_lines_are_passed_over_and_those_after_them_are_read(tmp_path):
    journal = Journal(tmp_path, make_planned(make_study()), [3] * 6)
    with (tmp_path / LIVE).open("a") as file:
        file.write("[1]\n" + "[" * 5000 + "\n" + '{"trial": -1, "row": {"epoch": 1}}\n')
        file.write('{"trial": 0, "row": {"epoch": 1, "train_loss": "x", "validation_loss": NaN}}\n')
    journal.epoch(1, make_record().history[0])
    trials = Follower(tmp_path).look()
    assert [trial.n_rows for trial in trials] == [1, 1, 0, 0, 0, 0]
    assert trials[0].last == (None,) * 6
    json.dumps(curves(trials), allow_nan=False)


def test_a_run_that_takes_the_place_of_a_shorter_one_is_noticed(tmp_path):
    planned = make_planned(make_study())
    Journal(tmp_path, planned[:1], [3])
    follower = Follower(tmp_path)
    assert len(follower.look()) == 1
    token = follower.token
    journal = Journal(tmp_path, planned, [3] * 6)  # a longer file, perhaps of the same inode
    for row in make_record(epochs=3).history:
        journal.epoch(5, row)
    assert [trial.n_rows for trial in follower.look()] == [0, 0, 0, 0, 0, 3]
    assert follower.token != token


def test_several_threads_count_every_line_once(tmp_path):
    journal = Journal(tmp_path, make_planned(make_study()), [3000] * 6)
    for epoch in range(1, 3001):
        journal.epoch(0, replace(make_record().history[0], epoch=epoch))
    follower = Follower(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: follower.look(), range(8)))
    assert follower.look()[0].n_rows == 3000


def test_cells_keep_their_colours(tmp_path):
    """Whichever trial reports first."""
    planned = make_planned(make_study())
    journal = Journal(tmp_path, planned, [3] * 6)
    journal.epoch(3, make_record().history[0])
    follower = Follower(tmp_path)
    (elu,) = curves(follower.look())
    journal.epoch(0, make_record().history[0])
    relu, again = curves(follower.look())
    assert (elu["label"], elu["colour"]) == (again["label"], again["colour"])
    assert relu["colour"] != again["colour"]


def test_many_epochs_are_thinned(tmp_path):
    journal = Journal(tmp_path, make_planned(make_study()), [2000] * 6)
    row = make_record().history[0]
    for epoch in range(1, 2001):
        journal.epoch(0, replace(row, epoch=epoch))
    (cell,) = curves(Follower(tmp_path).look())
    assert len(cell["epochs"]) <= 301
    assert (cell["epochs"][0], cell["epochs"][-1]) == (1, 2000)
