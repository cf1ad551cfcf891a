"""The studies that come with paribus: whatever command stands in the header of one can be given."""

import re
import shlex
from pathlib import Path

import pytest

from paribus.grid import expand
from paribus.load import builtin_studies, load_study
from paribus.plan import make_plan
from paribus.spec import SearchDesign

AT_HAND = ("digits", "aeon")
"""Sources that come with what paribus needs; others are fetched, and take long to read."""


def header(file: Path) -> str:
    """The comment at the top as one line."""
    lines = file.read_text(encoding="utf-8").split("\nname:")[0].splitlines()
    return " ".join(line.removeprefix("#").strip() for line in lines)


def versions(text: str) -> list[list[str]]:
    """What a header sets, version by version, an option of `--set` each; the study as it stands is the first."""
    found = re.findall(r"(?:--set (?:'[^']*'|\S+)\s*)+", text)
    assert sum(options.count("--set ") for options in found) == text.count("--set ")
    return [[], *([word.rstrip(",;") for word in shlex.split(options) if word != "--set"] for options in found)]


def test_headers_are_taken_apart() -> None:
    text = "a short version: --set a=1 --set 'f={x: 1, y: 2}' or --set seeds=3 --set b=4, 5 min"
    assert versions(text) == [[], ["a=1", "f={x: 1, y: 2}"], ["seeds=3", "b=4"]]


@pytest.mark.parametrize("name", builtin_studies())
def test_commands_in_headers_can_be_planned(name: str) -> None:
    text = header(builtin_studies()[name])
    named = re.findall(r"paribus (?:run|plan) (\S+?)(?=[\s`])", text)
    assert set(named) == {name}
    for settings in versions(text):
        study = load_study(name, settings)
        if study.baseline.data.source in AT_HAND and "data.path=FOLDER" not in settings:
            trials = make_plan(study).trials
        else:
            trials = expand(study, lambda data: data.origin().model_dump_json())
        assert len(trials) % (1 if isinstance(study.design, SearchDesign) else len(study.seeds)) == 0
        assert trials
