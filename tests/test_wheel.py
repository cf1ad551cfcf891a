"""The wheel holds all that paribus needs, and a study runs from it, away from the sources."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "paribus"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def pip(*arguments: str | Path) -> None:
    """Without the index: what builds the wheel is installed already."""
    command = [sys.executable, "-m", "pip", *map(str, arguments), "--quiet", "--no-index", "--no-deps"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, which a build/ beside the sources has no part in."""
    copy, folder = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("dist")
    shutil.copytree(SOURCE, copy / "src" / "paribus", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    pip("wheel", "--no-build-isolation", "--wheel-dir", folder, copy)
    (found,) = folder.glob("*.whl")
    return found


def test_it_holds_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("paribus/")}
        licence = archive.read(f"paribus-{VERSION}.dist-info/licenses/LICENSE")
    files = {f"paribus/{path.relative_to(SOURCE).as_posix()}" for path in SOURCE.rglob("*") if path.is_file()}
    assert held == {name for name in files if "__pycache__" not in name}
    for kind in ("py.typed", "studies/*.yaml", "lang/*.json", "kernels/*.cpp", "kernels/*.h", "report/static/*.js"):
        assert list(SOURCE.glob(kind)), f"{kind} is sought in vain"
    assert licence == (ROOT / "LICENSE").read_bytes()


def test_its_description(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        said = message_from_string(archive.read(f"paribus-{VERSION}.dist-info/METADATA").decode())
    assert (said["Name"], said["Version"], said["License-Expression"]) == ("paribus", VERSION, "Apache-2.0")
    assert said["Author"] == "The paribus developers"
    assert said["License-File"] == "LICENSE"
    assert said.get_payload() == (ROOT / "README.md").read_text()


def test_a_study_runs_from_it(wheel: Path, tmp_path: Path) -> None:
    pip("install", "--target", tmp_path / "installed", wheel)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    (tmp_path / "elsewhere").mkdir()

    def run(*command: str) -> str:
        result = subprocess.run(
            [sys.executable, *command], cwd=tmp_path / "elsewhere", env=environment, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    paribus = str(tmp_path / "installed" / "bin" / "paribus")
    assert run("-c", "import paribus; print(paribus.__file__)").startswith(str(tmp_path / "installed"))
    assert run(paribus, "--version") == f"paribus {VERSION}\n"
    quick = ("--set", "seeds=2", "--set", "train.epochs=1", "--jobs", "1")
    assert "[4/4]" in run(paribus, "run", "quickstart", "--out", "run", *quick)
    assert "Which activation suits" in (tmp_path / "elsewhere" / "run" / "report" / "index.html").read_text()


def test_papers_name_the_version_and_the_licence() -> None:
    citation = YAML(typ="safe").load(ROOT / "CITATION.cff")
    assert (citation["version"], citation["license"], citation["cff-version"]) == (VERSION, "Apache-2.0", "1.2.0")
    assert {"title", "message", "authors"} <= set(citation)
    versions = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert VERSION in versions
