"""A search at the command line, from its file to its report."""

import csv
import re
from pathlib import Path

from commands import paribus
from conformance.build import make_failure, make_planned, make_record, make_search
from paribus.record import TrialPruned
from paribus.store.sql import open_store

STUDY = """\
name: found
question: Which recipe?
baseline:
  data: {{source: npz, path: {data}}}
  model: {{name: dnn, widths: 8}}
  train: {{epochs: 4, batch_size: 16}}
factors:
  lr: {{path: train.optimizer.lr, low: 1.0e-4, high: 0.3, log: true}}
  activation: {{path: model.activation, levels: [relu, elu]}}
design: {{search: tpe, trials: 6, startup: 3, pruning: median}}
seeds: 3
"""


def test_a_search_from_its_file_to_its_report(tmp_path: Path, eeg_file: Path) -> None:
    (tmp_path / "found.yaml").write_text(STUDY.format(data=eeg_file))
    planned = paribus("plan", "found.yaml", cwd=tmp_path).stdout
    assert "0.0001 to 0.3, by magnitude" in planned
    assert "6 candidates with seed 0 (tpe, median pruning), the baseline among them" in planned
    assert "with seeds 1, 2: at most 10 trials." in planned
    ran = paribus("run", "found.yaml", "--jobs", "2", cwd=tmp_path)
    assert "at most 10 trials to run" in ran.stdout
    assert ran.stderr == ""
    lines = [line for line in ran.stdout.splitlines() if line.startswith("[")]
    assert 8 <= len(lines) <= 10
    assert sum(", test " in line for line in lines) == len(lines) - 6
    status = paribus("status", "runs/found", cwd=tmp_path).stdout
    assert "6 of 6 candidates have ended" in status
    assert re.search(r"Confirmation: (2 of 2|4 of 4) trials done", status)
    assert "0 are to run" in paribus("plan", "found.yaml", cwd=tmp_path).stdout
    report = tmp_path / "runs/found/report"
    page = (report / "index.html").read_text()
    assert '<section id="search"' in page
    assert "6 candidates" in page
    assert "seed 0 takes no part in what follows" in page
    assert (report / "figures/search.svg").exists()
    rows = list(csv.DictReader((report / "tables/candidates.csv").read_text().splitlines()))
    assert [row["candidate"] for row in rows] == list("012345")
    printed = paribus("report", "runs/found", "--format", "csv", "--table", "candidates", cwd=tmp_path).stdout
    assert printed.splitlines() == (report / "tables/candidates.csv").read_text().splitlines()


def test_a_candidate_that_failed_and_was_pruned_when_it_was_tried_again_is_no_failure(tmp_path: Path) -> None:
    study = make_search(trials=1)
    (baseline,) = make_planned(study)
    record = make_record(baseline.trial_id, spec=baseline.spec)
    with open_store(tmp_path / "store.sqlite", create=True) as store:
        key = store.add_study(study, [baseline], "")
        store.add(make_failure(baseline.trial_id, spec=baseline.spec))
        before = paribus("status", tmp_path, cwd=tmp_path).stdout
        begun = TrialPruned(
            baseline.trial_id, baseline.spec, record.fingerprint, record.environment, record.history[:1], 1.0
        )
        store.searches.add(key, begun)
    after = paribus("status", tmp_path, cwd=tmp_path).stdout
    assert "0 trials are done, 0 pruned, 1 failed." in before
    assert f"{baseline.trial_id} (seed 0): " in before
    assert "0 trials are done, 1 pruned, 0 failed." in after
    assert baseline.trial_id not in after
