"""What all commands share: arguments, tables, errors."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from paribus.errors import RunError

if TYPE_CHECKING:
    from rich.table import Table

Study = Annotated[str, typer.Argument(help="A study file (YAML), or the name of a built-in study.", show_default=False)]
Run = Annotated[Path, typer.Argument(help="A run folder, as runs/quickstart.", show_default=False)]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change a field, as train.epochs=20, seeds=3; may be repeated."),
]


def complain(message: str) -> None:
    """Print an error."""
    typer.echo(f"paribus: {message}", err=True)


def show_table(header: list[str], rows: list[list[str]]) -> None:
    """Print rows of text under a header."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in header:
        table.add_column(Text(name), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    show(table)


def show(table: "Table") -> None:
    """Print a table; in a terminal wide columns wrap, in a pipe lines stay whole."""
    from rich.console import Console

    console = Console(highlight=False)
    if console.is_terminal:
        console.print(table)
        return
    table.box = None
    console.width = 10_000
    with console.capture() as capture:
        console.print(table)
    typer.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))


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


_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_of(text: str, option: str) -> float:
    """Of ``90``, ``90s``, ``30m`` or ``1.5h``.

    Raises:
        RunError: it is none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if not found or not float(found[1]):
        raise RunError(f"{option} must be a time above 0 as 90s, 30m or 2h, got `{text}`")
    return float(found[1]) * _UNITS[found[2]]


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
