"""Study files: what is read, and that each mistake is told with file, line, field and a suggestion."""

import re
from pathlib import Path

import pytest

from paribus.errors import StudyError
from paribus.grid import cells
from paribus.load import LARGEST_STUDY_FILE, builtin_studies, load_study
from paribus.spec import AdamWSpec, SearchDesign, SgdSpec, StepSpec

BASE = """\
name: a
question: q?
baseline:
  data: {source: digits}
  model: {name: simple_cnn}
"""
LR = "factors:\n  lr: {path: train.optimizer.lr, low: 1.0e-4, high: 1.0, log: true}\n"
BATCH = "factors:\n  bs: {{path: train.batch_size, low: 16, high: {}, step: {}}}\n"
SEARCH = "design: {search: tpe, trials: 9}\n"


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "study.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_whole_study(write) -> None:
    study = load_study(
        write(
            BASE
            + "  train: {optimizer: {name: adamw, lr: 1e-3}, schedule: step}\n"
            + "factors:\n  lr: {path: train.optimizer.lr, levels: [1e-2, 1e-3]}\n"
            + "design: one_at_a_time\nseeds: [3, 1]\nselection: last\n"
        )
    )
    assert study.baseline.train.optimizer == AdamWSpec(name="adamw", lr=0.001)
    assert study.baseline.train.schedule == StepSpec(name="step", factor=0.5, every=10)
    assert study.seeds == (3, 1)
    assert [cell for cell, _ in cells(study)] == [(), (("lr", "0.01"),)]


def test_a_count_of_seeds(write) -> None:
    assert load_study(write(BASE + "seeds: 3\n")).seeds == (0, 1, 2)


@pytest.mark.parametrize(
    ("text", "line", "field", "says"),
    [
        (BASE + "  train:\n    optimiser: adam\n", 7, "train.optimiser", "did you mean `optimizer`?"),
        (BASE + "  train:\n    epochs: '3'\n", 7, "train.epochs", 'must be a whole number without quotes, got "3"'),
        (BASE + "  train:\n    epochs: true\n", 7, "train.epochs", "whole number"),
        (BASE + "  train:\n    epochs: 0\n", 7, "train.epochs", "must be at least 1, got 0"),
        (BASE + "  train: {epochs: .nan}\n", 6, "train.epochs", "got NaN"),
        (BASE + "  train: {optimizer: {name: adam, lr: .inf}}\n", 6, "train.optimizer.lr", "finite"),
        (BASE + "  train: {optimizer: adm}\n", 6, "train.optimizer.name", "did you mean `adam`?"),
        (
            BASE + "  train: {optimizer: {name: sgd, momentum: 0.0, nesterov: true}}\n",
            6,
            "train.optimizer",
            "nesterov needs a momentum above 0",
        ),
        (BASE + "  train: {optimizer: {lr: 1}}\n", 6, "train.optimizer.name", "needed"),
        (
            BASE + "  train: {schedule: {name: step, patience: 3}}\n",
            6,
            "train.schedule.patience",
            "known: name, factor",
        ),
        (BASE + LR, 7, "factors.lr", "a range is for a search"),
        (BASE + LR + "design: {search: tpe, trails: 9}\n", 8, "design.trails", "did you mean `trials`?"),
        (BASE + LR + "design: {search: tpa, trials: 9}\n", 8, "design.search", "did you mean `tpe`?"),
        (BASE + LR + "design: {search: tpe, trials: 0}\n", 8, "design.trials", "must be at least 1, got 0"),
        (BASE + LR + SEARCH + "seeds: 1\n", 9, "seeds", "needs two seeds at least"),
        (BASE + LR + SEARCH + "selection: best_test\n", 9, "selection", "never looks at test data"),
        (BASE + SEARCH, None, "factors", "needs at least one factor"),
        (
            BASE + LR.replace("high: 1.0", "high: 1.0e-5") + SEARCH,
            7,
            "factors.lr.high",
            "must be above low, which is 0.0001",
        ),
        (BASE + LR.replace("1.0e-4", "0.0") + SEARCH, 7, "factors.lr.low", "starts above 0"),
        (BASE + LR.replace("true}", "true, step: 0.1}") + SEARCH, 7, "factors.lr.step", "cannot stand with `log`"),
        (BASE + BATCH.format(100, 32) + SEARCH, 7, "factors.bs.high", "the nearest are 80 and 112, got 100"),
        (BASE + BATCH.format(128, 0.5) + SEARCH, 7, "factors.bs.step", "low and one step are 16.5, which is no value"),
        (
            BASE + "factors:\n  d: {path: model.dropout, low: 0.1, high: 0.5, step: 0.3}\n" + SEARCH,
            7,
            "factors.d.high",
            "the nearest are 0.4 and 0.7, got 0.5",
        ),
        (BASE.replace("name: a\n", "name: my study\n"), 1, "name", "as `my-study`; got `my study`"),
        (BASE.replace("{source: digits}", "digits"), 4, "data", "as {source: digits} (known: aeon"),
        (BASE.replace("{name: simple_cnn}", "simple_cnn"), 5, "model", "as {name: simple_cnn} (known: eegnet"),
        (BASE + "  train: {early_stop: 10}\n", 6, "train.early_stop", "a mapping, as {patience: 10}, got 10"),
        (BASE + "  train: {epochs: 10.0}\n", 6, "train.epochs", "a whole number, as 10, got 10.0"),
        (BASE + "  train: {augmentation: mixup}\n", 6, "train.augmentation", 'must be a list, as [mixup], got "mixup"'),
        (BASE.replace("digits}", "folder, path: 3}"), 4, "data.path", "must be text, as '3' in quotes, got 3"),
        (BASE.replace("digits}", "folder, path: a, size: big}"), 4, "data.size", "a whole number or a list, got"),
        (BASE.replace("digits}", "folder, path: a, size: [8]}"), 4, "data.size", "or a list of 2, got [8]"),
        (BASE.replace("digits}", "folder, path: a, size: [8, x]}"), 4, "data.size.1", 'a whole number, got "x"'),
        (
            BASE + "factors:\n  lr: [0.1, 0.2]\n",
            7,
            "factors.lr",
            "a factor is a mapping, as {path: train.optimizer.lr, levels: [0.1, 0.2]}",
        ),
        (BASE + LR.replace("low", "lowest") + SEARCH, 7, "factors.lr.lowest", "did you mean `low`?"),
        (BASE + "seeds: two\n", 6, "seeds", 'must be a count or a list, as 3 or [0, 1, 2], got "two"'),
        (BASE + "design: search\n", 6, "design", "or a search, as {search: tpe, trials: 40}"),
        (BASE + LR.replace("true}", "true, levels: [1]}") + SEARCH, 7, "factors.lr", "not both"),
        (BASE + LR.replace("high: 1.0", "hihg: 1.0") + SEARCH, 7, "factors.lr.hihg", "unknown field"),
        (BASE + LR.replace("train.optimizer.lr", "train.lr") + SEARCH, 7, "factors.lr.low", "unknown field"),
        (BASE.replace("simple_cnn", "eeg_net"), 5, "model.name", "did you mean `eegnet`?"),
        (BASE.replace("digits", "digit"), 4, "data.source", "did you mean `digits`?"),
        (BASE.replace("source: digits", "sorce: digits"), 4, "data.source", "needed"),
        (BASE.replace("{name: simple_cnn}", "{name: eegnet, activation: rely}"), 5, "model.activation", "`relu`"),
        (BASE + "seeds: 0\n", 6, "seeds", "from 1 to 10000, got 0"),
        (BASE + "seeds: [1, 1]\n", 6, "seeds", "distinct"),
        (BASE + "seeds: [-1]\n", 6, "seeds.0", "at least 0"),
        (BASE + "selection: best\n", 6, "selection", "best_validation"),
        (BASE.replace("name: a\n", "name: ../a\n"), 1, "name", "begin with a letter or digit, as `a`; got `../a`"),
        (BASE.replace("question: q?\n", ""), None, "question", "needed"),
        (BASE + "question: again\n", 6, "", "duplicate key"),
        (
            BASE.replace("{name: simple_cnn}", "\n    <<: &m {name: eegnet, activation: rel}\n    dropout: 0.2"),
            5,
            "model.activation",
            "did you mean `relu`?",
        ),
        (BASE + "factors: !!omap\n- f: 3\n", 6, "factors.f", "a factor is a mapping"),
        ("name: [\n", 2, "", "not valid YAML"),
        ("- a\n", 1, "", "a study is a mapping"),
        (BASE + "factors: {a: {levels: [relu]}}\n", 6, "factors.a", "a list of levels needs `path`"),
        (BASE + "factors: {a: {path: model.dropout, levels: 0.5}}\n", 6, "factors.a", "must be a list"),
        (BASE + "factors: {a: {path: model.dropout, levels: []}}\n", 6, "factors.a", "at least one level"),
        (BASE + "factors: {a: {path: model.dropout, levels: {x: {}}}}\n", 6, "factors.a", "not both"),
        (BASE + "factors: {a: {levels: {x: relu}}}\n", 6, "factors.a", "level `x` must be a patch"),
        (
            BASE + "factors:\n  a:\n    path: model.activation\n    levels:\n    - relu\n    - relo\n",
            11,
            "factors.a.levels.1",
            "did you mean `relu`?",
        ),
        (
            BASE + "factors:\n  a: {path: model.activatoin, levels: [relu]}\n",
            7,
            "factors.a.levels.0",
            "did you mean `activation`?",
        ),
        (
            BASE + "factors:\n  a: {path: seeds, levels: [1, 2]}\n",
            7,
            "factors.a.levels.0",
            "starts with one of data, model, train",
        ),
        (
            BASE + "factors:\n  a: {path: train.optimizer.lr, levels: [0.001, 1e-3]}\n",
            7,
            "factors.a.levels.1",
            "levels must differ",
        ),
        (
            BASE + "factors:\n  a:\n    levels:\n      x: {model.activation: relu}\n      y: {model.dropout: 0.5}\n",
            10,
            "factors.a.levels.y",
            "level `y` equals level `x`",
        ),
        (
            BASE + "reported:\n- source: R\n  data: {}\n  figures:\n  - {cell: {act: relu}, test_accuracy: 80.0}\n",
            10,
            "reported.0.figures.0.cell",
            "no factor `act`",
        ),
        (
            BASE + "reported:\n- source: R\n  data: {}\n  figures:\n  - {cell: {}}\n",
            10,
            "reported.0.figures.0",
            "needs test_accuracy or validation_accuracy",
        ),
    ],
)
def test_mistakes(write, text: str, line: int | None, field: str, says: str) -> None:
    path = write(text)
    with pytest.raises(StudyError) as caught:
        load_study(path)
    assert says in str(caught.value)
    assert (caught.value.file, caught.value.line, caught.value.path) == (str(path), line, field)
    place = str(path) if line is None else f"{path}:{line}"
    assert str(caught.value).startswith(place + ": ")


def test_steps_that_reach_the_end_in_decimals(write) -> None:
    for low, high, step in ((0.0, 0.5, 0.1), (0.3, 0.7, 0.05), (0.1, 0.4, 0.3), (0, 0.9, 1e-3)):
        factor = f"factors:\n  d: {{path: model.dropout, low: {low}, high: {high}, step: {step}}}\n"
        assert load_study(write(BASE + factor + SEARCH)).factors["d"].step == step


def test_some_of_many_combinations_are_looked_at(write) -> None:
    """960 of them, of which a quarter cannot be; and more than there are atoms."""
    factors = """\
factors:
  folds: {levels: {no: {}, five: {data.folds: 5, train.refit: all}}}
  stop: {levels: {no: {}, early: {train.early_stop.patience: 5}}}
  activation: {path: model.activation, levels: [relu, leaky_relu, elu, gelu, silu]}
  optimizer: {path: train.optimizer.name, levels: [adam, adamw, sgd]}
  dropout: {path: model.dropout, low: 0.0, high: 0.5}
  batch: {path: train.batch_size, low: 16, high: 128}
  epochs: {path: train.epochs, low: 5, high: 50}
  validation: {path: data.validation, low: 0.1, high: 0.3}
"""
    with pytest.raises(StudyError, match=r"cannot stand with data\.folds.*\(with folds five, stop early"):
        load_study(write(BASE + factors + SEARCH))
    fine = factors.replace("five: {data.folds: 5, train.refit: all}", "yes: {train.refit: all}")
    assert len(load_study(write(BASE + fine + SEARCH)).factors) == 8


def test_factors_that_undo_each_other(write) -> None:
    text = BASE + (
        "factors:\n"
        "  a: {path: model.activation, levels: [relu, elu]}\n"
        "  b: {levels: {x: {model.activation: gelu}, y: {model.dropout: 0.1, model.activation: silu}}}\n"
    )
    with pytest.raises(StudyError, match=r"factors `a` and `b` both set `model\.activation`"):
        load_study(write(text))


def test_a_kind_and_its_fields_are_crossed_by_the_kinds_name(write) -> None:
    text = BASE + (
        "factors:\n"
        "  optimizer: {path: train.optimizer, levels: [adam, sgd]}\n"
        "  lr: {path: train.optimizer.lr, levels: [0.1, 0.01]}\n"
    )
    with pytest.raises(StudyError, match=r"vary the kind's name, as in train\.optimizer\.name"):
        load_study(write(text))
    study = load_study(write(text.replace("path: train.optimizer,", "path: train.optimizer.name,")))
    assert [c.train.optimizer.lr for _, c in cells(study)] == [0.1, 0.01, 0.1, 0.01]


def test_only_the_baseline_is_called_baseline(write) -> None:
    text = BASE + "design: one_at_a_time\nfactors: {a: {levels: {baseline: {model.activation: elu}}}}\n"
    with pytest.raises(StudyError, match="rename it"):
        load_study(write(text))
    assert len(cells(load_study(write(text.replace("elu", "relu"))))) == 1


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("train.epochs=-1", "--set: train.epochs: must be at least 1"),
        ("trian.epochs=1", "did you mean `train`?"),
        ("epochs", "give it as path=value"),
        ("data.source=aeon", "data.name: this field is needed"),
        ("train.epochs=[", "not valid YAML"),
        ("name=2024-13-45", "not valid YAML"),
        ("question=&a [*a]", "question"),
        ("baseline=3", "set its fields"),
        ("factors.a=[relu]", "only be set as a whole"),
        ("train.epochs.more=1", "`epochs` has no fields inside"),
        ("design.trials=8", "`design` is `grid`, which has no fields: only a search has"),
    ],
)
def test_settings_that_are_wrong(write, setting: str, says: str) -> None:
    with pytest.raises(StudyError, match="--set") as caught:
        load_study(write(BASE), [setting])
    assert says in str(caught.value)


def test_settings(write) -> None:
    study = load_study(
        write(BASE), ["seeds=2", "train.optimizer.name=sgd", "train.early_stop.patience=4", "data.validation=0.5"]
    )
    assert study.seeds == (0, 1)
    assert study.baseline.train.optimizer == SgdSpec(name="sgd")  # with its own default lr
    assert study.baseline.train.early_stop is not None
    assert study.baseline.train.early_stop.patience == 4
    assert study.baseline.data.validation == 0.5


def test_settings_of_a_search(write) -> None:
    path = write(BASE + LR + SEARCH)
    study = load_study(path, ["design.trials=4", "design.search=random", "seeds=2"])
    assert study.design == SearchDesign(search="random", trials=4)
    assert load_study(path, ["design={search: tpe, trials: 5}", "design.confirm=2"]).design == SearchDesign(
        search="tpe", trials=5, confirm=2
    )
    for setting, says in (
        ("design.trails=4", "design.trails: unknown field; did you mean `trials`?"),
        ("design.trials=0", "design.trials: "),
        ("design.trials.more=4", "design.trials.more: unknown field"),
    ):
        with pytest.raises(StudyError, match=f"--set: {re.escape(says)}"):
            load_study(path, [setting])


def test_another_source_leaves_the_first_ones_fields_behind() -> None:
    study = load_study("eeg-activations", ["data.source=bci3b", "data.path=/data"])
    assert study.baseline.data.source == "bci3b"
    assert study.baseline.data.path == "/data"
    assert study.baseline.data.validation == 0.2
    with pytest.raises(StudyError, match=r"data\.path: this field is needed"):
        load_study("eeg-activations", ["data.source=bci3b"])


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large.yaml").write_text("#" * (LARGEST_STUDY_FILE + 1))
    for name, says in [
        ("none.yaml", "no such file"),
        ("binary.yaml", "UTF-8"),
        ("large.yaml", "at most"),
        (".", "this is a folder"),
    ]:
        with pytest.raises(StudyError, match=says):
            load_study(tmp_path / name)
    with pytest.raises(StudyError, match="did you mean `quickstart`"):
        load_study("quikstart")


def test_builtin_studies_are_valid_and_have_headers() -> None:
    studies = builtin_studies()
    assert set(studies) >= {"quickstart", "eeg-activations", "eeg-learning-rate", "eeg-flooding", "eeg-dropout"}
    n_cells = {name: len(cells(load_study(name))) for name in studies}
    assert n_cells["eeg-activations"] == 6
    assert n_cells["eeg-learning-rate"] == 24
    assert n_cells["eeg-flooding"] == 4
    for name, path in studies.items():
        assert load_study(name).name == name
        text = path.read_text().split("\nname:")[0]
        for word in ("Question:", "Command:", "Time:", "Expect:"):
            assert word in text, f"{name} lacks {word}"
        assert "@" not in text
