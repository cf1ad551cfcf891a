"""Building the kernels: once, quietly, and never needed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = "from paribus.kernels.native import native; found = native(); print(found.library is not None, '|', found.why)"


def ask(tmp_path: Path, **environment: str) -> str:
    own = {"PARIBUS_CACHE": str(tmp_path / "cache"), **environment}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env={**os.environ, **own}, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.strip()


def test_switched_off(tmp_path: Path) -> None:
    assert ask(tmp_path, PARIBUS_KERNELS="off") == "False | PyTorch alone: $PARIBUS_KERNELS is off"


def test_without_a_compiler(tmp_path: Path) -> None:
    assert ask(tmp_path, PATH=str(tmp_path), CXX="").startswith("False | PyTorch alone: found no C++ compiler")


@pytest.mark.parametrize("fault", ["exit 1", "echo 'x.cpp:1: error: no such thing' >&2; exit 1"])
def test_a_compiler_that_fails(tmp_path: Path, fault: str) -> None:
    compiler = tmp_path / "broken++"
    compiler.write_text(f"#!/bin/sh\ncase $1 in -dump*) echo 1.0;; *) {fault};; esac\n")
    compiler.chmod(0o755)
    assert ask(tmp_path, CXX=str(compiler)).startswith(
        f"False | PyTorch alone: {compiler} could not build the kernels ("
    )
    assert list((tmp_path / "cache" / "kernels").iterdir()) == []


def test_built_once_and_read_only_folders_do_without(tmp_path: Path) -> None:
    first = ask(tmp_path)
    if first.startswith("False"):
        pytest.skip(first)
    (made,) = (tmp_path / "cache" / "kernels").iterdir()
    before = made.stat().st_mtime_ns
    assert ask(tmp_path) == first
    assert made.stat().st_mtime_ns == before
    (tmp_path / "file").write_text("")
    assert ask(tmp_path, PARIBUS_CACHE=str(tmp_path / "file")).startswith("False | PyTorch alone: ")
