"""A bar for downloads; in a pipe a line for every tenth."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from paribus.cli.terminal import make_console, say
from paribus.data.fetch import Progress


@contextmanager
def download_progress(name: str) -> Iterator[Progress]:
    """What `fetch` tells its progress."""
    if not sys.stderr.isatty():
        yield _lines(name)
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=make_console(stderr=True)) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(name: str) -> Callable[[int, int | None], None]:
    told = -1

    def tell(done: int, total: int | None) -> None:
        nonlocal told
        tenth = 10 * done // total if total else done >> 24
        if tenth > told:
            told = tenth
            whole = f" of {total / 2**20:.1f}" if total else ""
            say(f"{name}: {done / 2**20:.1f}{whole} MB", err=True)

    return tell
