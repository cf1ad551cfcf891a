"""Imports only go down, siblings do not import each other, and what must start fast imports nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "paribus"

LAYERS: list[set[str]] = [
    {"consent", "errors", "folders", "level", "machine", "shown", "suggest"},
    {"spec"},
    {"validate"},
    {"record"},
    {"grid", "live"},
    {"load"},
    {"data", "kernels", "models"},
    {"training"},
    {"analysis", "execute", "store"},
    {"plan"},
    {"run", "reload", "report", "preview"},
    {"display", "results", "serve"},
    {"cli"},
    {"__init__", "__main__"},
]
"""From the bottom up; the members of one layer may not import each other."""
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

LIGHT = (
    "spec",
    "validate",
    "record",
    "load",
    "grid",
    "store",
    "analysis",
    "report",
    "plan",
    "results",
    "live",
    "serve",
)
HEAVY = ("torch", "ray", "mne", "aeon", "moabb", "sklearn", "scipy", "matplotlib", "pandas", "safetensors")


def room(path: Path) -> str:
    """The top-level module or package that a file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """The full names of what a file of paribus imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} uses a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_down(path: Path) -> None:
    here = room(path)
    for name in imports(path):
        if name.startswith("paribus.") and name.split(".")[1] in LEVEL:
            there = name.split(".")[1]
            assert there == here or LEVEL[there] < LEVEL[here], f"{path} ({here}) imports {name}"


def test_every_room_has_a_layer() -> None:
    assert {room(path) for path in SOURCE.rglob("*.py")} == set(LEVEL)


def _is_pickle(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "pickle"


def test_no_pickle_anywhere() -> None:
    """Nothing on disk is ever pickled; what workers send their own parent is (by multiprocessing).

    CIFAR-10's official files are pickles: one reader takes arrays from them and refuses all else.
    """
    official = SOURCE / "data" / "cifar10.py"
    used = {node.attr for node in ast.walk(ast.parse(official.read_text())) if _is_pickle(node)}
    assert used == {"Unpickler"}, "of pickle only a class whose find_class is our own"
    for path in set(SOURCE.rglob("*.py")) - {official}:
        if room(path) == "execute":
            continue
        assert not {"pickle", "dill", "joblib", "torch.load"} & {name.split(".")[0] for name in imports(path)}, path
        assert "torch.load(" not in path.read_text()
        assert "allow_pickle=True" not in path.read_text()


@pytest.mark.parametrize("room_name", LIGHT)
def test_light_rooms_import_nothing_heavy(room_name: str) -> None:
    """In a fresh process, since this one has imported everything already."""
    modules = [
        "paribus." + ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted(SOURCE.rglob("*.py"))
        if room(path) == room_name
    ]
    code = f"import sys, importlib\nfor m in {modules!r}: importlib.import_module(m)\n"
    code += f"print(*[m for m in {HEAVY!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
