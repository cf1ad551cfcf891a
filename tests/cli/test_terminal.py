"""The terminal's edge: names out of files are letters there and nothing else."""

import ast
import io
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest
from rich.progress import Progress, TextColumn
from rich.table import Table
from rich.text import Text

import paribus.cli as commands_of
from commands import paribus
from paribus.cli.terminal import complain, hand_over, make_console, say, show_table
from paribus.plan import open_run
from paribus.shown import printable

EVIL = "\x1b]0;owned\x07\x1b[2J\x1b[31m[bold]red[/bold] :smile: \u202e\r"
ESCAPED = "\\x1b]0;owned\\x07\\x1b[2J\\x1b[31m[bold]red[/bold] :smile: \\u202e\\r"


def test_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    say(EVIL)
    complain(EVIL)
    show_table(["name", EVIL], [[EVIL + "\n", "x"]])
    told = capsys.readouterr()
    assert told.err == f"paribus: {ESCAPED}\n"
    first, header, row = told.out.splitlines()
    assert first == ESCAPED
    assert header.split(maxsplit=1)[1] == ESCAPED
    assert row.startswith(f"{ESCAPED}\\n"), "a cell stays on its line"


def test_in_a_terminal_only_our_own_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    console = make_console()
    console.file = io.StringIO()
    console.width = 200
    table = Table()
    table.add_column("name", no_wrap=True)
    table.add_row(Text(printable(EVIL), style="bold"))
    table.add_row(Text(EVIL))
    console.print(table)
    console.print(f"{EVIL}: question")
    with Progress(TextColumn("{task.description}", markup=False), console=console) as bars:
        bars.add_task(EVIL)
    out = console.file.getvalue()
    assert "\x1b[1m" in out, "styles of our own are sent"
    assert "\x1b]0" not in out
    assert "\x1b[2J" not in out
    assert "\x1b[31m" not in out
    assert "\x07" not in out
    assert "\u202e" not in out
    assert "[bold]red[/bold] :smile:" in out


def test_data_for_programs_are_exact_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_over("a,\x1b[2J\n")
    assert capsys.readouterr().out == "a,\x1b[2J\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    hand_over("a,\x1b[2J\n")
    assert capsys.readouterr().out == "a,\\x1b[2J\n"


def test_nothing_is_printed_past_the_edge() -> None:
    """What prints in the commands' files is what `terminal.py` offers."""
    folder = Path(commands_of.__path__[0])
    for path in set(folder.glob("*.py")) - {folder / "terminal.py"}:
        for node in ast.walk(ast.parse(path.read_text())):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert name not in ("print", "typer.echo", "typer.secho", "click.echo", "Console"), f"{path}: {name}"
            assert not name.startswith(("sys.stdout.write", "sys.stderr.write")), f"{path}: {name}"


STUDY = """\
name: loud
question: "\\e[31mWhich?\\e[0m [red]x[/red]"
baseline:
  data: {source: digits}
  model: {name: logistic}
  train: {epochs: 1}
factors:
  size: {levels: {"\\e]0;owned\\aa": {train.batch_size: 64}, "[bold]b": {train.batch_size: 128}}}
seeds: 1
"""


def test_a_run_in_a_real_terminal(tmp_path: Path) -> None:
    """Bars, table and status of a study whose names are escape sequences."""
    (tmp_path / "loud.yaml").write_text(STUDY)
    first = in_terminal("run", "loud.yaml", "--jobs", "1", cwd=tmp_path)
    again = in_terminal("status", "runs/loud", cwd=tmp_path)
    for out in (first, again):
        assert "\x1b]" not in out
        assert "\x07" not in out
        assert "\x1b[31m" not in out
        assert "[red]x[/red]" in out
        assert re.search(r"\\x1b\]0;owned\\x07a", out)
        assert "[bold]b" in out
    assert "\x1b[" in first, "there were bars"
    told = paribus_says("status", "runs/loud", cwd=tmp_path)
    assert "\\x1b[31mWhich?" in told
    assert "\x1b" not in told


def paribus_says(*arguments: str, cwd: Path) -> str:
    return paribus(*arguments, cwd=cwd).stdout


def in_terminal(*arguments: str, cwd: Path) -> str:
    """What a command sends to a terminal of 200 columns."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "200"}
    command = [str(Path(sys.executable).with_name("paribus")), *arguments]
    process = subprocess.Popen(command, cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    out = b""
    try:
        while select.select([ours], [], [], 120)[0]:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            out += piece
    finally:
        os.close(ours)
    assert process.wait(timeout=120) == 0, out.decode("utf-8", "replace")
    return out.decode("utf-8", "replace")


def test_passwords_are_not_recorded(tmp_path: Path) -> None:
    (tmp_path / "loud.yaml").write_text(STUDY)
    url = "question=results in postgresql://me:secret@db/x"
    paribus("run", "loud.yaml", "--jobs", "1", "--no-report", "--set", url, cwd=tmp_path)
    with open_run(tmp_path / "runs" / "loud") as store:
        stored = store.latest_study()
        assert stored is not None
        (record,) = store.records([stored.planned[0].trial_id])
    for command in (stored.command, record.environment.command):
        assert "secret" not in command
        assert "postgresql://me:***@db/x" in command


HEADER = ["trial", "cell", "state"]
ROWS = [["1", "elu", "done"], ["22", "寬 cell", ""], ["333", "[bold]", "a longer state"]]


def test_many_rows_look_like_few(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pipe; many are not laid out by rich, which takes a millisecond a row."""
    show_table(HEADER, ROWS)
    few = capsys.readouterr().out
    assert few.splitlines()[2].split() == ["22", "寬", "cell"]
    monkeypatch.setattr("paribus.cli.terminal.MOST_LAID_OUT", 2)
    monkeypatch.setattr("rich.table.Table.add_row", lambda *_: pytest.fail("laid out"))
    show_table(HEADER, ROWS)
    assert capsys.readouterr().out == few
