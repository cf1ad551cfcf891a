"""Tables for people and pipes."""

import pytest

import paribus.cli.terminal
from paribus.cli.terminal import show_table

HEADER = ["trial", "cell", "state"]
ROWS = [["1", "elu", "done"], ["22", "寬 cell", ""], ["333", "[bold]", "a longer state"]]


def test_many_rows_look_like_few(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pipe; many are not laid out by rich, which takes a millisecond a row."""
    show_table(HEADER, ROWS)
    few = capsys.readouterr().out
    assert few.splitlines()[2].split() == ["22", "寬", "cell"]
    monkeypatch.setattr(paribus.cli.terminal, "MOST_LAID_OUT", 2)
    monkeypatch.setattr("rich.table.Table.add_row", lambda *_: pytest.fail("laid out"))
    show_table(HEADER, ROWS)
    assert capsys.readouterr().out == few
