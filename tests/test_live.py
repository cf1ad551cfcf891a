"""The file that tells of a run while it goes."""

from conformance.build import make_planned, make_record, make_study
from paribus.live import LIVE, Follower, Journal
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
    assert trials[0].rows[2]["test_accuracy"] == rows[1].test_accuracy
    Journal(tmp_path, planned[:2], [3, 3])
    assert [trial.n_rows for trial in follower.look()] == [0, 0], "another run has begun"


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
