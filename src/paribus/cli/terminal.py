"""What all commands share: arguments, tables, errors; and the terminal's edge.

Whatever is printed goes through `say`, `hand_over`, `show` or a console of `make_console`, so that no name out of a
file can send a terminal more than letters.
"""

import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from paribus.consent import VARIABLE
from paribus.errors import ImportRefused, RunError
from paribus.shown import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Study = Annotated[str, typer.Argument(help="A study file (YAML), or the name of a built-in study.", show_default=False)]
Run = Annotated[Path, typer.Argument(help="A run folder, as runs/quickstart.", show_default=False)]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change a field, as train.epochs=20, seeds=3; may be repeated."),
]

Lang = Annotated[
    str | None,
    typer.Option(help="Of the report: en or zh-TW.", metavar="LANG", show_default="$PARIBUS_LANG, or en"),
]
Out = Annotated[Path | None, typer.Option(help="Run folder.", show_default="runs/STUDY")]
StoreAt = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="Where records are kept: a SQLite file, or postgresql+psycopg://USER@HOST/DATABASE; the password "
        "may be in it, in PGPASSWORD, in ~/.pgpass, or in a URL in PARIBUS_STORE.",
        show_default="OUT/store.sqlite",
    ),
]
AllowImport = Annotated[
    bool,
    typer.Option(
        "--allow-import",
        help=f"Allow to import code that is not of paribus, which runs it; or set {VARIABLE}=1.",
    ),
]
T = TypeVar("T")


def with_consent(act: Callable[[bool], T], allow_import: bool) -> T:
    """What an act gives that may have to import code not of paribus; in a terminal the person is asked.

    Args:
        act: told whether that is allowed; raises ImportRefused where it would have to be.
        allow_import: by option.

    Raises:
        ImportRefused: it is not allowed and nobody is there to be asked.
    """
    try:
        return act(allow_import)
    except ImportRefused as error:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise
        say(f"{error.place}: {error.what}.", err=True)
        typer.confirm("Run that code?", abort=True, err=True)
        return act(True)


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print a line or several."""
    typer.echo(printable(text, lines=True), err=err, nl=nl)


def hand_over(text: str) -> None:
    """Print what another program will read (JSON, CSV, TeX): exact in a pipe or a file, as `say` in a terminal."""
    text = text if text.endswith("\n") else f"{text}\n"
    if sys.stdout.isatty():
        say(text, nl=False)
    else:
        sys.stdout.write(text)  # click would leave out what looks like a colour


def complain(message: str) -> None:
    """Print an error."""
    say(f"paribus: {message}", err=True)


MOST_LAID_OUT = 200
"""Rows that rich lays out; it takes a millisecond for each."""


def show_table(header: list[str], rows: list[list[str]]) -> None:
    """Print rows of text under a header."""
    if len(rows) > MOST_LAID_OUT:
        say(plain_table(header, rows))
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in header:
        table.add_column(Text(printable(name)), overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    show(table)


def show(table: "Table") -> None:
    """Print a table; in a terminal wide columns wrap, in a pipe lines stay whole."""
    console = make_console()
    if console.is_terminal:
        console.print(table)
        return
    table.box = None
    console.width = 10_000
    with console.capture() as capture:
        console.print(table)
    say("\n".join(line.rstrip() for line in capture.get().splitlines()))


def make_console(*, stderr: bool = False) -> "Console":
    """A console that takes no markup and sends no escape sequence but its own."""
    from rich.console import Console
    from rich.segment import Segment

    class PlainConsole(Console):
        """Everything that is drawn comes through here as pieces of text; cursor movements of its own are marked."""

        def render(self, *arguments: Any, **keywords: Any) -> Any:
            for piece in super().render(*arguments, **keywords):
                yield piece if piece.control else Segment(printable(piece.text, lines=True), piece.style)

    return PlainConsole(stderr=stderr, highlight=False, markup=False, emoji=False)


def plain_table(header: list[str], rows: list[list[str]]) -> str:
    """The same as in a pipe, for many rows."""
    from rich.cells import cell_len

    lines = [[printable(value) for value in row] for row in (header, *rows)]
    sizes = [[len(value) if value.isascii() else cell_len(value) for value in line] for line in lines]
    widths = [max(column) for column in zip(*sizes, strict=True)]
    return "\n".join(
        "  ".join(value + " " * (width - n) for value, width, n in zip(line, widths, size, strict=True)).rstrip()
        for line, size in zip(lines, sizes, strict=True)
    )


class Terminated(KeyboardInterrupt):
    """SIGTERM came, as from a batch system whose time is up."""


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Within it SIGTERM raises `Terminated`, once: cleaning up is not to be cut short by the next one."""

    def stop(number: int, frame: Any) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def seconds_of(text: str, option: str) -> float:
    """Of ``90``, ``90s``, ``30m`` or ``1.5h``.

    Raises:
        RunError: it is none of these.
    """
    from paribus.spec.base import seconds_in

    found = seconds_in(text)
    if not found:
        raise RunError(f"{option} must be a time above 0 as 90s, 30m or 2h, got `{text}`")
    return found


def resources_of(text: str) -> dict[str, float]:
    """Of ``cpu=2,gpu=0.25``.

    Raises:
        RunError: it is not of this form.
    """
    found = [re.fullmatch(r"\s*([a-z]+)\s*=\s*(\d+(?:\.\d+)?)\s*", part) for part in text.split(",")]
    pairs = [(match[1], float(match[2])) for match in found if match]
    if len(dict(pairs)) < len(found):
        raise RunError(f"--resources must be as cpu=1,gpu=0.25, each named once, got `{text}`")
    return dict(pairs)
