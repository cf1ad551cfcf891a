"""The builder of fake studies, for all tests of the report."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def fake() -> ModuleType:
    place = importlib.util.spec_from_file_location("fake_study", Path(__file__).with_name("fake_study.py"))
    assert place is not None
    assert place.loader is not None
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module
