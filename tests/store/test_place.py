"""Where a run is: what is said to who names another place."""

from pathlib import Path

import pytest

from paribus.errors import RunError
from paribus.plan import open_run
from paribus.store.place import STORE

STUDY = "name: mine\nquestion: q?\nbaseline: {data: {source: digits}, model: {name: simple_cnn}}\n"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("mine", "no run folder at mine; did you mean runs/mine?"),
        ("my-study.yaml", "my-study.yaml is a file, no run folder; did you mean runs/mine?"),
        ("quickstart", "no run folder at quickstart; did you mean runs/quickstart?"),
        ("quikstart", "no run folder at quikstart; did you mean runs/quickstart?"),
        ("runs/quickstrat", "no run folder at runs/quickstrat; did you mean runs/quickstart?"),
        ("runs/mine/store.sqlite", "runs/mine/store.sqlite is a file, no run folder; did you mean runs/mine?"),
        ("runs/mine/report", "no run folder at runs/mine/report; did you mean runs/mine?"),
        ("runs", "runs holds no run: there is no store.sqlite in it; did you mean runs/mine or runs/quickstart?"),
        ("new.yaml", "new.yaml is a file, no run folder; start the study with `paribus run new.yaml`"),
        ("eeg-seeds", "no run folder at eeg-seeds; start the study with `paribus run eeg-seeds`"),
        ("nowhere", "no run folder at nowhere; start one with `paribus run STUDY --out nowhere`"),
    ],
)
def test_the_run_that_was_meant(given: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "quickstart"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / STORE).write_bytes(b"")
    (tmp_path / "my-study.yaml").write_text(STUDY)
    (tmp_path / "new.yaml").write_text(STUDY.replace("mine", "new"))
    with pytest.raises(RunError) as caught:
        open_run(Path(given))
    assert str(caught.value) == told
