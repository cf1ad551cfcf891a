"""The public names: few, real, and importing paribus costs nothing."""

import subprocess
import sys

import pytest

import paribus


def test_names() -> None:
    assert sorted(paribus.__all__) == [
        "ParibusError",
        "RunSpec",
        "StudySpec",
        "analyse",
        "evaluate",
        "export",
        "load_study",
        "make_plan",
        "open_run",
        "predict",
        "run_study",
        "write_report",
    ]
    assert len(paribus.__all__) <= 15
    for name in paribus.__all__:
        assert getattr(paribus, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = paribus.nothing


def test_import_is_light() -> None:
    code = "import sys, paribus; print(*[m for m in ('torch', 'numpy', 'pydantic', 'typer') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
