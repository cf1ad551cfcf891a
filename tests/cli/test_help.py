"""What `--help` says of every command."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from paribus.cli.main import app
from paribus.data.fetch import NAMES


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All commands, as ``("data", "audit")``, those that hold others among them."""
    yield path, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


ALL = dict(commands(typer.main.get_command(app)))


def words(text: str) -> list[str]:
    return re.findall(r"[^\s│─╭╮╰╯]+", text)


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_no_word_is_swallowed(path: tuple[str, ...]) -> None:
    """Rich takes words in brackets for markup, and leaves them out."""
    shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "400", "TERM": "dumb"}).stdout
    meant = [ALL[path].help, *(part for each in ALL[path].params for part in (getattr(each, "help", None),))]
    meant += [default for each in ALL[path].params if isinstance(default := getattr(each, "show_default", 0), str)]
    for text in filter(None, meant):
        assert " ".join(words(text)) in " ".join(words(shown))


def test_every_data_set_that_can_be_asked_for_is_named() -> None:
    shown = CliRunner().invoke(app, ["data", "fetch", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).stdout
    assert [name for name in NAMES if name not in shown] == []


def test_defaults_that_are_worked_out_are_told() -> None:
    shown = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).stdout
    for default in ("one a core", "runs/STUDY", "OUT/store.sqlite", "one of this machine", "$PARIBUS_LANG, or en"):
        assert f"[default: ({default})]" in shown
