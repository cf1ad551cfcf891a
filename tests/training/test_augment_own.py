"""Augmentation by functions of one's own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from commands import paribus
from paribus.errors import ImportRefused, TrainingError
from paribus.load import load_study
from paribus.models.custom import own_code
from paribus.reload import evaluate
from paribus.run import run_study
from paribus.spec import FunctionSpec, HorizontalFlipSpec, RunSpec
from paribus.training.augment import augmenter
from paribus.training.augment_draws import Draws
from paribus.training.augment_own import apply_function, check_functions

CODE = """\
import torch

def louder(x, draws, most=1.0):
    return x * (1 + most * draws.uniform(1)[:, :, None, None]).to(x)

def cut(x, draws):
    return x[:1]

def numbers(x, draws):
    return 3

def broken(x, draws):
    raise ZeroDivisionError("oh")

def ends(x, draws):
    raise SystemExit

def learns(x, draws):
    return x.requires_grad_()

def nowhere(x, draws):
    return x.to("meta")

def sparse(x, draws):
    return x.to_sparse()

def divides(x, draws, by):
    return x / by.pop()

def weighted(x, draws):
    return torch.nn.Linear(3, 3)(x)
"""
STUDY = """\
name: louder
question: Does loudness help?
baseline:
  data: {{source: npz, path: {eeg}}}
  model: {{name: logistic}}
  train: {{epochs: 1, batch_size: 16}}
factors:
  augmentation:
    levels: {{none: {{train.augmentation: []}}, louder: {{train.augmentation: ["own_functions:louder"]}}}}
seeds: 1
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "own_functions.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    sys.modules.pop("own_functions", None)
    yield tmp_path
    sys.modules.pop("own_functions", None)


@pytest.mark.parametrize("kind", ["image", "eeg"])
def test_examples_have_draws_of_their_own_in_any_batch(here: Path, kind: str) -> None:
    spec = FunctionSpec(name="own_functions:louder", args={"most": 0.5})
    augment = augmenter([spec], kind, 10, seed=3, epoch=2)  # type: ignore[arg-type]
    assert augment is not None
    x = torch.ones(10, 1, 2, 3)
    together = augment(x, torch.arange(10))
    assert torch.equal(augment(x[:1], torch.tensor([7])), together[7:8])
    factors = together[:, 0, 0, 0]
    assert (factors >= 1).all()
    assert (factors < 1.5).all()
    assert len(factors.unique()) == 10
    assert not torch.equal(augmenter([spec], kind, 10, 3, 3)(x, torch.arange(10)), together)  # type: ignore[misc, arg-type]


def test_its_place_in_the_list_is_kept(here: Path) -> None:
    """A flip before and after a function that weights the columns."""
    (here / "own_functions.py").write_text("def weight(x, draws):\n    return x * x.new_tensor([1.0, 0.0])\n")
    flip, weight = HorizontalFlipSpec(name="horizontal_flip", p=1.0), FunctionSpec(name="own_functions:weight")
    x, rows = torch.tensor([[[[3.0, 5.0]]]]), torch.tensor([0])
    first, last = (augmenter(specs, "image", 1, 0, 1) for specs in ([flip, weight], [weight, flip]))
    assert first is not None
    assert last is not None
    assert first(x, rows).flatten().tolist() == [5, 0]
    assert last(x, rows).flatten().tolist() == [0, 3]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "own_functions:cut",
            r"must give torch.float32 of shape \(2, 1, 2, 3\).* gave torch.float32 of shape \(1, 1, 2",
        ),
        ("own_functions:numbers", "gave int"),
        ("own_functions:broken", "ZeroDivisionError: oh"),
        ("own_functions:ends", "it ended the program"),
        ("own_functions:learns", r"must give .* on cpu, as x is, gave .* on cpu with requires_grad"),
        ("own_functions:nowhere", r"gave torch.float32 of shape \(2, 1, 2, 3\) on meta"),
        ("own_functions:sparse", r"gave .*\(torch.sparse_coo\) on cpu"),
        ("own_functions:lauder", "did you mean `louder`"),
        ("no_such_file:f", "cannot import `no_such_file`"),
        ("os:system", "not of Python's own"),
        ("own_functions:torch", "must be a function"),
    ],
)
def test_refused_in_words(here: Path, name: str, says: str) -> None:
    with pytest.raises(TrainingError, match=f"train.augmentation.1: .*{says}"):
        check_functions([HorizontalFlipSpec(name="horizontal_flip"), FunctionSpec(name=name)], (1, 2, 3))


def test_values_are_looked_at_in_training_only(here: Path) -> None:
    x, draws = torch.tensor([[[[1.0, -3.0]]]]), Draws(0, np.zeros(1, dtype=np.uint64))
    for by in (0.0, float("nan")):
        with pytest.raises(TrainingError, match=r"own_functions:divides gave values that are NaN or infinite"):
            apply_function(x, FunctionSpec(name="own_functions:divides", args={"by": [by]}), draws)
    check_functions([FunctionSpec(name="own_functions:divides", args={"by": [0.0]})], (1, 2, 3))
    check_functions([FunctionSpec(name="own_functions:weighted")], (1, 2, 3))  # its weights want no gradient here


def test_a_function_cannot_change_its_specification(here: Path) -> None:
    spec = FunctionSpec(name="own_functions:divides", args={"by": [4.0, 2.0]})
    for _ in range(2):
        given = apply_function(torch.ones(1, 1, 1, 1), spec, Draws(0, np.zeros(1, dtype=np.uint64)))
        assert given.item() == 0.5
    assert spec.args == {"by": [4.0, 2.0]}


def test_unknown_arguments_are_told(here: Path) -> None:
    with pytest.raises(TrainingError, match="unexpected keyword argument 'least'"):
        apply_function(
            torch.zeros(1, 1, 2, 3),
            FunctionSpec(name="own_functions:louder", args={"least": 1}),
            Draws(0, np.zeros(1, dtype=np.uint64)),
        )


def test_a_study_needs_consent_and_editing_makes_new_trials(here: Path, eeg_file: Path) -> None:
    (here / "study.yaml").write_text(STUDY.format(eeg=eeg_file))
    with pytest.raises(ImportRefused, match=r"own_functions:louder.*imports own_functions"):
        load_study(here / "study.yaml")
    assert "--allow-import" in paribus("data", "preview", "study.yaml", cwd=here, code=2).stderr
    study = load_study(here / "study.yaml", allow_import=True)
    run = RunSpec(out=str(here / "run"), jobs=1)
    assert run_study(study, run).n_finished == 2
    with (here / "own_functions.py").open("a") as file:
        file.write("\n# edited\n")
    assert run_study(study, run).n_finished == 1, "the one that augments"
    (here / "own_functions.py").unlink()
    sys.modules.pop("own_functions")
    checkpoints = sorted((here / "run" / "checkpoints").glob("*.safetensors"))
    assert all(evaluate(path).identical for path in checkpoints), "nothing that reads them augments"


def test_the_source_of_network_and_functions_counts(here: Path, eeg_file: Path) -> None:
    (here / "study.yaml").write_text(STUDY.format(eeg=eeg_file))
    baseline = load_study(here / "study.yaml", allow_import=True).baseline
    function = FunctionSpec(name="own_functions:louder")
    with_function = baseline.model_copy(
        update={"train": baseline.train.model_copy(update={"augmentation": (function,)})}
    )
    assert own_code(baseline) == ""
    before = own_code(with_function)
    assert len(before) == 64
    (here / "own_functions.py").write_text(CODE + "# edited\n")
    assert own_code(with_function) != before
