"""Networks of one's own: found, given what they ask for, or refused in words."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from paribus.errors import ModelError
from paribus.models.build import build, check, create
from paribus.models.custom import build_module, code_digest
from paribus.spec import EEGNetSpec, ModuleSpec

SOURCE = """
import torch
from torch import nn

class Tiny(nn.Module):
    def __init__(self, n_chans, n_times, n_outputs, width=4):
        super().__init__()
        self.hidden = nn.Linear(n_chans * n_times, width)
        self.out = nn.Linear(width, n_outputs)

    def forward(self, x):
        assert x.ndim == 3
        return self.out(self.hidden(x.flatten(1)).relu())

def plain(input_shape, n_classes):
    channels, height, width = input_shape
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, n_classes))

def any_keywords(**given):
    return nn.Sequential(nn.Flatten(), nn.Linear(given["size"], given["num_classes"]))

def no_network():
    return 3

class Planes(nn.Module):
    def __init__(self, in_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, 2, 3)
    def forward(self, x):
        return self.conv(x)

class Ends(Planes):
    def forward(self, x):
        raise SystemExit

def ends_the_program():
    raise SystemExit(3)

number = 3
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the module; each test has a module of another name, since modules are imported once."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{module(tmp_path)}.py").write_text(SOURCE)
    return tmp_path


def module(folder: Path) -> str:
    return "net_" + "".join(letter if letter.isalnum() else "_" for letter in folder.name)


def test_it_is_given_what_it_asks_for(here: Path) -> None:
    spec = ModuleSpec(name=f"{module(here)}:Tiny", args={"width": 5}, squeeze=True)
    check(spec, (1, 3, 10), 4)
    model = build(spec, (1, 3, 10), 4)
    assert model(torch.zeros(2, 1, 3, 10)).shape == (2, 4)
    assert model.network.hidden.out_features == 5
    check(ModuleSpec(name=f"{module(here)}:plain"), (3, 4, 5), 2)
    check(ModuleSpec(name=f"{module(here)}:any_keywords", args={"size": 60, "num_classes": 2}), (3, 4, 5), 2)


def test_a_constructor_cannot_change_its_specification(here: Path) -> None:
    code = "from torch import nn\n\ndef net(widths):\n    return nn.Linear(widths.pop(), 2)\n"
    (here / "takes_widths.py").write_text(code)
    spec = ModuleSpec(name="takes_widths:net", args={"widths": [4, 3]})
    build_module(spec, (1, 3, 3), 2)
    assert spec.args == {"widths": [4, 3]}


def test_initial_weights_come_from_the_stream(here: Path) -> None:
    spec = ModuleSpec(name=f"{module(here)}:plain")

    def weights(seed: int) -> torch.Tensor:
        torch.rand(3)
        return create(spec, (1, 2, 2), 2, lambda layer: seed)[1].weight

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("MODULE:Tny", "did you mean `Tiny`"),
        ("MODULE:number", "must be a class of torch.nn.Module or a function"),
        ("MODULE:no_network", "must give a torch.nn.Module, gave int"),
        ("MODULE:Planes", "must give logits of shape"),
        ("MODULE:Tiny", "does not work on input of shape"),
        ("MODULE:ends_the_program", r"ended the program \(SystemExit: 3\)"),
        ("MODULE:Ends", r"does not work on input of shape \(1, 3, 10\): it ended the program"),
        ("no_such_module:Net", "cannot import `no_such_module`"),
        ("os:system", "not of Python's own"),
        ("MODULE:torch.os.system", "must be a class|not of Python's own"),
    ],
)
def test_refused_in_words(here: Path, name: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        check(ModuleSpec(name=name.replace("MODULE", module(here))), (1, 3, 10), 2)


def test_arguments_that_do_not_fit(here: Path) -> None:
    with pytest.raises(ModelError, match=r"n_chans=3.*wdith.*model.args"):
        build(ModuleSpec(name=f"{module(here)}:Tiny", args={"wdith": 3}), (1, 3, 10), 2)
    with pytest.raises(ModelError, match="one plane"):
        build(ModuleSpec(name=f"{module(here)}:plain", squeeze=True), (3, 3, 10), 2)


def test_a_module_with_a_mistake_is_told(here: Path) -> None:
    (here / "net_with_a_mistake.py").write_text("1 / 0")
    with pytest.raises(ModelError, match="ZeroDivisionError"):
        build(ModuleSpec(name="net_with_a_mistake:Net"), (1, 3, 10), 2)


def test_a_script_that_ends_the_program_does_not_end_the_run(here: Path) -> None:
    """As sys.exit(main()) does, or argparse, which reads the arguments of paribus."""
    (here / "net_and_script.py").write_text("import sys\nsys.exit(0)")
    says = r"cannot import `net_and_script`: it ended the program \(SystemExit: 0\); .* under `if __name__"
    with pytest.raises(ModelError, match=says):
        build(ModuleSpec(name="net_and_script:Net"), (1, 3, 10), 2)


def test_the_digest_follows_the_file(here: Path) -> None:
    spec = ModuleSpec(name=f"{module(here)}:Tiny")
    before = code_digest(spec)
    assert before == code_digest(ModuleSpec(name=f"{module(here)}:plain")), "of the file"
    path = here / f"{module(here)}.py"
    path.write_text(path.read_text() + "\n# edited\n")
    assert code_digest(spec) != before
    assert code_digest(EEGNetSpec(name="eegnet")) == ""
    with pytest.raises(ModelError, match="cannot import"):
        code_digest(ModuleSpec(name="no_such_module:Net"))
    with pytest.raises(ModelError, match="Python's own"):
        code_digest(ModuleSpec(name="subprocess:run"))


def test_a_network_of_a_package() -> None:
    """PyTorch's own classes are as good as any package's."""
    spec = ModuleSpec(name="torch.nn:LazyLinear", args={"out_features": 2})
    with pytest.raises(ModelError, match="must give logits"):
        check(spec, (1, 2, 3), 2)
    assert isinstance(build(ModuleSpec(name="torch.nn:Flatten"), (1, 2, 3), 2), nn.Flatten)


OTHERS = """
import random
import numpy as np
import torch
from torch import nn

class Lazy(nn.Sequential):
    def __init__(self, n_classes):
        super().__init__(nn.LazyConv2d(4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.LazyLinear(n_classes))

class LazyBuffers(nn.Sequential):
    def __init__(self, n_classes):
        super().__init__(nn.LazyBatchNorm2d(affine=False), nn.Flatten(), nn.Linear(60, n_classes))

class DropsAlways(nn.Linear):
    def __init__(self, n_classes):
        super().__init__(20, n_classes)
    def forward(self, x):
        return super().forward(nn.functional.dropout(x.flatten(1)))

class DropsInTraining(DropsAlways):
    def forward(self, x):
        return nn.Linear.forward(self, nn.functional.dropout(x.flatten(1), training=self.training))

class Probabilities(nn.Sequential):
    def __init__(self, n_classes):
        super().__init__(nn.Flatten(), nn.Linear(20, n_classes), nn.Softmax(1))

class LooksAtTheBatch(nn.Linear):
    def __init__(self, n_classes):
        super().__init__(20, n_classes)
    def forward(self, x):
        return super().forward(x.flatten(1) - x.mean())

class Squeezes(LooksAtTheBatch):
    def forward(self, x):
        return nn.Linear.forward(self, x.flatten(1)).squeeze()

class InAList(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.hidden, self.last = [nn.Linear(20, 20)], nn.Linear(20, n_classes)
    def forward(self, x):
        return self.last(self.hidden[0](x.flatten(1)))

class Projected(nn.Linear):
    def __init__(self, n_classes, persistent):
        super().__init__(5, n_classes)
        self.register_buffer("projection", torch.randn(20, 5), persistent=persistent)
    def forward(self, x):
        return super().forward(x.flatten(1) @ self.projection)

class Doubles(nn.Sequential):
    def __init__(self, n_classes):
        super().__init__(nn.Flatten(), nn.Linear(20, n_classes))
    def forward(self, x):
        return super().forward(x).double()

class LogProbabilities(nn.Sequential):
    def __init__(self, n_classes):
        super().__init__(nn.Flatten(), nn.Linear(20, n_classes), nn.LogSoftmax(1))

class OtherDraws(nn.Linear):
    def __init__(self):
        super().__init__(3, 2)
        self.weight.data = torch.tensor(np.random.randn(2, 3) + random.random(), dtype=torch.float32)

class Heads(nn.Sequential):
    def forward(self, x):
        y = x.flatten(1)[:, :2]
        return (y, y) if self.training else y

class Nothing(nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, :2]

class Late(nn.Module):
    def __init__(self):
        super().__init__()
        from LATE import part
        self.part = part(60, 2)
    def forward(self, x):
        return self.part(x.flatten(1))
"""


def others(here: Path) -> str:
    name = f"others_{module(here)}"
    (here / f"late_{name}.py").write_text("from torch.nn import Linear as part")
    (here / f"{name}.py").write_text(OTHERS.replace("LATE", f"late_{name}"))
    return name


@pytest.mark.parametrize("name", ["Lazy", "LazyBuffers"])
def test_layers_that_wait_for_their_sizes_have_them(here: Path, name: str) -> None:
    spec = ModuleSpec(name=f"{others(here)}:{name}")
    check(spec, (1, 6, 10), 2)
    first, second = (create(spec, (1, 6, 10), 2, lambda layer: 5).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    model = build(spec, (1, 6, 10), 2)
    model.load_state_dict(first)


def test_all_that_a_constructor_may_draw_from_is_seeded(here: Path) -> None:
    spec = ModuleSpec(name=f"{others(here)}:OtherDraws")
    np.random.seed(1)  # noqa: NPY002
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    weights = [create(spec, (1, 1, 3), 2, lambda layer, seed=seed: seed).weight for seed in (1, 1, 2)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("DropsAlways", "other logits each time.*training=self.training"),
        ("Probabilities", "leave out the softmax"),
        ("InAList", "nn.ModuleList"),
    ],
)
def test_mistakes_that_would_train(here: Path, name: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        check(ModuleSpec(name=f"{others(here)}:{name}"), (1, 2, 10), 2)


def test_what_is_drawn_once_must_be_kept(here: Path) -> None:
    def spec(*, persistent: bool) -> ModuleSpec:
        return ModuleSpec(name=f"{others(here)}:Projected", args={"persistent": persistent})

    check(spec(persistent=True), (1, 2, 10), 2)
    with pytest.raises(ModelError, match=r"built anew with the same weights.*register_buffer"):
        check(spec(persistent=False), (1, 2, 10), 2)


@pytest.mark.parametrize("name", ["DropsInTraining", "LogProbabilities", "Doubles"])
def test_what_resembles_these_mistakes_and_is_none(here: Path, name: str) -> None:
    check(ModuleSpec(name=f"{others(here)}:{name}"), (1, 2, 10), 2)


@pytest.mark.parametrize(
    ("name", "says"), [("Heads", "gave a tuple for a batch of 2 in training"), ("Nothing", "no parameters that can be")]
)
def test_tried_as_in_training_too(here: Path, name: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        check(ModuleSpec(name=f"{others(here)}:{name}"), (1, 6, 10), 2)


def test_a_constructor_may_import(here: Path) -> None:
    check(ModuleSpec(name=f"{others(here)}:Late"), (1, 6, 10), 2)


@pytest.mark.parametrize("name", ["./mine:Net", "folder/mine:Net", "mine", "mine:"])
def test_how_a_network_is_named(name: str) -> None:
    with pytest.raises(ValidationError, match="folders with dots, as `my_net:MyNet`"):
        ModuleSpec(name=name)


def test_a_file_is_named_without_its_ending(here: Path) -> None:
    with pytest.raises(ModelError, match=r"named without \.py, as `mine`"):
        code_digest(ModuleSpec(name="mine.py:Net"))


def test_the_digest_follows_a_package_and_a_zip_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = here / f"package_{module(here)}"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text(f"from {package.name}.inner.net import Net")
    (package / "inner" / "__init__.py").write_text("")
    (package / "inner" / "net.py").write_text("from torch.nn import Linear as Net")
    spec, deep = ModuleSpec(name=f"{package.name}:Net"), ModuleSpec(name=f"{package.name}.inner.net:Net")
    before = code_digest(spec)
    assert code_digest(deep) == before, "of the whole package, wherever in it the network stands"
    (package / ".#net.py").symlink_to("nowhere")  # as Emacs locks a file
    assert code_digest(spec) == before
    (package / "inner" / "net.py").write_text("from torch.nn import Flatten as Net")
    assert code_digest(spec) != before
    archive, zipped = here / "nets.zip", f"zipped_{module(here)}"
    monkeypatch.syspath_prepend(str(archive))
    found = []
    for source in ("a = 1", "a = 2"):
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr(f"{zipped}.py", source)
        found.append(code_digest(ModuleSpec(name=f"{zipped}:Net")))
    assert found[0] != found[1]


def test_the_digest_follows_what_the_file_imports_of_ones_own(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, elsewhere = f"importing_{module(here)}", here / "elsewhere"
    (elsewhere / "space" / "deep").mkdir(parents=True)
    (elsewhere / "pack").mkdir()
    monkeypatch.syspath_prepend(str(elsewhere))
    (elsewhere / f"{name}.py").write_text(
        "import torch, beside.inner\ndef net():\n    from pack import part\n    import space.deep.layers as s\n"
    )
    (elsewhere / "beside.py").write_text(f"import {name}, further")  # in a circle
    files = [here / "further.py", elsewhere / "pack" / "__init__.py", elsewhere / "pack" / "part.py"]
    files.append(elsewhere / "space" / "deep" / "layers.py")
    spec, digests = ModuleSpec(name=f"{name}:net"), []
    for file in (None, elsewhere / "beside.py", *files, *files):
        if file:
            with file.open("a") as opened:
                opened.write("\n# edited")
        digests.append(code_digest(spec))
    assert len(set(digests)) == len(digests)
    (here / "unused.py").write_text("")
    (elsewhere / "torch.txt").write_text("")
    assert code_digest(spec) == digests[-1]
    (here / "further.py").write_text("not Python")
    assert code_digest(spec) != digests[-1]


def test_the_digest_of_an_installed_package_is_quick() -> None:
    assert len(code_digest(ModuleSpec(name="torch.nn:Linear"))) == 64


def test_what_stands_in_the_running_program_is_refused() -> None:
    with pytest.raises(ModelError, match=r"save it in a file of its own, as my_net\.py, and name it `my_net:Tiny`"):
        build(ModuleSpec(name="__main__:Tiny"), (1, 2, 3), 2)


def test_a_module_that_runs_a_study_itself_is_refused(here: Path) -> None:
    """It would wait for itself: the study imports the module, which runs the study."""
    run = 'import paribus\nparibus.run_study(paribus.load_study("quickstart"), paribus.RunSpec(out="out"))\n'
    (here / "runs_itself.py").write_text(SOURCE + run)
    with pytest.raises(ModelError, match=r"`runs_itself` runs a study itself, .* under `if __name__ =="):
        build(ModuleSpec(name="runs_itself:Tiny", squeeze=True), (1, 2, 3), 2)
    assert not (here / "out").exists()
