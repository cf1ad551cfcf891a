"""Imports only go down, siblings do not import each other, and what must start fast imports nothing heavy."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "paribus"

LAYERS: list[set[str]] = [
    {"consent", "errors", "folders", "level", "machine", "shown", "suggest"},
    {"lang"},
    {"spec"},
    {"validate"},
    {"record"},
    {"grid", "live"},
    {"load", "search"},
    {"data", "kernels", "models"},
    {"training"},
    {"analysis", "execute", "store"},
    {"exported", "plan", "share"},
    {"course"},
    {"run", "predicting", "reload", "report", "preview"},
    {"display", "results", "serve", "track"},
    {"cli"},
    {"__init__", "__main__"},
]
"""From the bottom up; the members of one layer may not import each other."""
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

LIGHT = (
    "lang",
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
    "predicting",
    "search",
    "serve",
)
HEAVY = (
    *("torch", "ray", "optuna", "mne", "aeon", "moabb", "sklearn", "scipy", "matplotlib", "pandas", "safetensors"),
    "onnx",
)


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


ALLOWED_PICKLE = {SOURCE / "execute" / "processes.py", SOURCE / "execute" / "ray.py"}
"""What a run's own processes send each other, through pipes or through Ray; nothing of it is kept."""
UNPICKLES = r"""(?x)\b( c?pickle | _pickle | dill | cloudpickle | joblib | shelve | marshal )\b\s*\.\s*\w+
    | \b(import|from)\s+( pickle | _pickle | dill | cloudpickle | joblib | shelve | marshal )\b
    | torch\.(load|save|jit\.load|package)\b | weights_only | allow_pickle\s*=\s*(?!False) | read_pickle | to_pickle
    | fickling | Unpickler | yaml\.unsafe | typ\s*=\s*["']unsafe | \beval\(\s*[^)\s] | \bexec\( | __import__"""


def test_no_pickle_anywhere() -> None:
    """Nothing on disk is ever pickled or unpickled, and no text becomes code."""
    for path in set(SOURCE.rglob("*.py")) - ALLOWED_PICKLE:
        text = path.read_text()
        assert (found := re.search(UNPICKLES, text)) is None, f"{path}: {found and found[0]}"
        assert all("allow_pickle=False" in call for call in re.findall(r"np\.load\([^\n]*", text)), path


def test_that_grep_finds_what_it_looks_for() -> None:
    for text in ("import pickle", "pickle.loads(x)", "torch.load(p)", "allow_pickle=True", "from joblib import load"):
        assert re.search(UNPICKLES, text), text
    for text in ("model.eval()", "allow_pickle=False", "# no pickle", "pickletools.genops(content)", "retrieval(x)"):
        assert not re.search(UNPICKLES, text), text
    assert all(re.search(UNPICKLES, path.read_text()) for path in ALLOWED_PICKLE), "none is allowed without need"


@pytest.mark.parametrize("room_name", LIGHT)
def test_light_rooms_import_nothing_heavy(room_name: str) -> None:
    """In a fresh process, since this one has imported everything already."""
    modules = [
        "paribus." + ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted(SOURCE.rglob("*.py"))
        if room(path) == room_name and "migrations" not in path.parts  # Alembic runs those, nobody imports them
    ]
    code = f"import sys, importlib\nfor m in {modules!r}: importlib.import_module(m)\n"
    code += f"print(*[m for m in {HEAVY!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
